/** Replays recordings with dist/trace.js in a context without Node. */
export function withoutNode(
  paths: readonly string[],
): readonly (Readonly<Record<string, unknown>> & { readonly events: number })[];
