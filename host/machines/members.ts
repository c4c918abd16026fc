/**
 * Looks whether an emulator's object has what an adapter uses of it: each
 * member with the type that typeof gives. What is missing goes to `unsupported`.
 */
export function checkMembers(
  object: unknown,
  name: string,
  members: Readonly<Record<string, string>>,
  unsupported: (what: string) => never,
): void {
  if (object === null || typeof object !== 'object') unsupported(`${name} is missing`);
  for (const [member, type] of Object.entries(members)) {
    const found = typeof (object as Record<string, unknown>)[member];
    if (found === 'undefined') unsupported(`${name}.${member} is missing`);
    if (found !== type) unsupported(`${name}.${member} is a ${found}, expected a ${type}`);
  }
}
