/**
 * Replaces a member of one object.
 * @returns puts back exactly what was there (an inherited member becomes
 * inherited again); does nothing when somebody has replaced it on top, so a
 * replacement must pass everything on once it is no longer wanted
 */
export function patch<T extends object, K extends keyof T>(
  object: T,
  name: K,
  replace: (original: T[K]) => T[K],
): () => void {
  const own = Object.getOwnPropertyDescriptor(object, name);
  const replacement = replace(object[name]);
  object[name] = replacement;
  return () => {
    if (object[name] !== replacement) return;
    if (own) Object.defineProperty(object, name, own);
    else delete object[name];
  };
}
