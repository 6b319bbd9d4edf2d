/** What can happen in a simulation. Each step has its own chance, so that leaving one out changes no other. */
import { Seeded } from "./random.ts";

export const STEPS = [
  ["save", 26],
  ["replace", 4],
  ["folder", 8],
  ["rename", 14],
  ["remove", 8],
  ["link", 1],
  ["sync", 40],
  ["crash", 5],
  ["late", 5],
  ["web", 4],
  ["share", 3],
  ["trouble", 4],
  ["clock", 2],
] as const;

export type StepName = (typeof STEPS)[number][0];

export interface Step {
  name: StepName;
  seed: number;
}

export interface Schedule {
  seed: number;
  steps: Step[];
}

const TOTAL = STEPS.reduce((sum, [, weight]) => sum + weight, 0);

export function scheduleOf(seed: number, length: number): Schedule {
  const random = new Seeded(seed);
  const steps = Array.from({ length }, () => {
    let at = random.below(TOTAL);
    const [name] = STEPS.find(([, weight]) => (at -= weight) < 0)!;
    return { name, seed: random.below(2 ** 31) };
  });
  return { seed, steps };
}
