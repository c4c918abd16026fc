/** Brings the core and dist/ up to date. */
export function build(): Promise<void>;
/** Whether dist/ is what the sources give. */
export function distIsFresh(): boolean;
