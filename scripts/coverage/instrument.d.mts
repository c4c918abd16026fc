// The scripts are plain JavaScript; this is what checked code sees of them.
export interface Statement {
  id: number;
  file: string;
  line: number;
  column: number;
  endLine: number;
}
export const MAP_FILE: string;
export function instrument(options: { sourceDir: string; outDir: string }): {
  statements: Statement[];
};
