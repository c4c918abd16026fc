export function machineCode(): [compiler: string, access: string, instructions: string[]][];
export function touchesMemory(instruction: string): boolean;
