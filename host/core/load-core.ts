import { releaseWasm } from './generated/release-wasm';

let embedded: Promise<WebAssembly.Module> | undefined;

/** The bytes of base64 text; Node's own decoder is several times faster when cold. */
function decode(base64: string): Uint8Array<ArrayBuffer> {
  if (typeof Buffer !== 'undefined') return new Uint8Array(Buffer.from(base64, 'base64'));
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

async function compileEmbedded(): Promise<WebAssembly.Module> {
  const bytes = decode(releaseWasm);
  try {
    // For so few bytes, starting the compiler's threads would take longer.
    return new WebAssembly.Module(bytes);
  } catch (error) {
    // Older browsers only compile asynchronously on their main thread.
    if (error instanceof RangeError) return WebAssembly.compile(bytes);
    throw error;
  }
}

/**
 * Compiles the core that this package carries, once per process. openDevice()
 * does this by itself; call it to have it done early.
 */
export function loadCore(): Promise<WebAssembly.Module> {
  embedded ??= compileEmbedded();
  return embedded;
}
