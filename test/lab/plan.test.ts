import { expect, it } from 'vitest';
import { Plan } from '../../lab/board/plan.mjs';

const ALL = ['access', 'firmware-v86', 'pl011', 'pl061'];

/** All that the plan hands out. */
function tasks(only: string) {
  const plan = new Plan(only, ALL);
  const { size } = plan;
  const handed = Array.from({ length: size }, () => plan.next());
  expect(plan.next().file).toBeUndefined();
  return handed;
}

const files = (only: string) => tasks(only).map(({ file }) => file);

it('hands out each file once, those first that take longest', () => {
  expect(files('')).toEqual(['firmware-v86', 'pl011', 'access', 'pl061']);
  expect(tasks('').every(({ tests }) => tests === undefined)).toBe(true);
});

it('takes a part of the name of a file, or several', () => {
  expect(files('pl0')).toEqual(['pl011', 'pl061']);
  expect(files('access,v86')).toEqual(['firmware-v86', 'access']);
  expect(tasks('pl061')).toEqual([{ file: 'pl061', tests: undefined }]);
});

it('takes what no file is called for the name of a test, wherever that is', () => {
  expect(files('both edges')).toEqual(files(''));
  expect(tasks('both edges').every(({ tests }) => tests === 'both edges')).toBe(true);
});

it('makes nothing of a comma too many', () => {
  expect(files('pl011,')).toEqual(['pl011']);
  expect(files(',access,,v86')).toEqual(['firmware-v86', 'access']);
  expect(tasks(',')).toEqual(tasks(''));
});

it('tells what nobody has taken', () => {
  const plan = new Plan('', ALL);
  plan.next();
  expect(plan.takeRest()).toEqual(['pl011', 'access', 'pl061']);
  expect(plan.next().file).toBeUndefined();
});
