/**
 * AssemblyScript's number types as TypeScript sees them, so that the boundary
 * files under assembly/ can be read from this side.
 */
type i32 = number;
type u32 = number;
