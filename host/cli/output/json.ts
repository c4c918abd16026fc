/** One JSON object for programs; 64-bit numbers become text, as JSON has no place for them. */
export function toJson(command: string, data: Readonly<Record<string, unknown>>): string {
  const object = { schema: `vfio-platform-wasm/cli/${command}/1`, ...data };
  return JSON.stringify(object, plainValue, 2);
}

function plainValue(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  // Programs find a field that is known to be there.
  return value === undefined ? null : value;
}
