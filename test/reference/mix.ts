import type { EoiSource, LineOptions } from './model';

const SOURCES: Record<string, EoiSource> = {
  i: 'irqchip',
  r: 'register',
  w: 'write',
  a: 'access',
};

/** 'Ea Lr' → an edge line with source 'access' and a level line with source 'register'. */
export function mix(text: string): LineOptions[] {
  return text.split(' ').map((word) => {
    const eoi = SOURCES[word.charAt(1)];
    if (eoi === undefined || !'EL'.includes(word.charAt(0))) {
      throw new Error(`no line is called '${word}'`);
    }
    return { trigger: word.startsWith('E') ? 'edge' : 'level', eoi };
  });
}
