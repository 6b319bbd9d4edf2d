/** Runs `count` jobs, `width` of them at a time. */
export async function inFlight(count: number, width: number, job: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await job(next++);
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, lane));
}
