// The lab's host side is plain JavaScript; this is what checked code sees of it.
export function installTools(more?: readonly string[]): void;
