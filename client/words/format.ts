/** Numbers and times as people read them, in the browser's language. */
const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

/** 1,536 -> "1.5 kB". Powers of 1,000, as file managers and network rates have it. */
export function formatSize(bytes: number, locale?: string): string {
  let value = Math.max(0, bytes);
  let unit = 0;
  // 999,950 bytes would round to "1,000 kB".
  while (value >= (unit === 0 ? 1000 : 999.5) && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  const options = { style: "unit", unit: UNITS[unit], unitDisplay: unit === 0 ? "long" : "short" } as const;
  return new Intl.NumberFormat(locale, { ...options, maximumFractionDigits: digits }).format(value);
}

/** @param rate bytes a second */
export const formatRate = (rate: number, locale?: string): string => `${formatSize(rate, locale)}/s`;

/** "about 3 minutes": rounded as coarsely as the estimate is. @param seconds what is left */
export function formatTimeLeft(seconds: number, locale?: string): string {
  const [value, unit] =
    seconds <= 55
      ? ([Math.max(1, seconds < 10 ? Math.ceil(seconds) : Math.ceil(seconds / 5) * 5), "second"] as const)
      : seconds < 3600
        ? ([Math.round(seconds / 60), "minute"] as const)
        : seconds < 48 * 3600
          ? ([Math.round(seconds / 3600), "hour"] as const)
          : ([Math.round(seconds / 86_400), "day"] as const);
  const text = new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "long" }).format(value);
  return unit === "second" ? text : `about ${text}`;
}

/** Today: the time; this year: day and month; else the full date. @param time RFC 3339 */
export function formatWhen(time: string, now: Date = new Date(), locale?: string): string {
  const date = new Date(time);
  const sameDay = date.toDateString() === now.toDateString();
  if (sameDay) return new Intl.DateTimeFormat(locale, { hour: "numeric", minute: "2-digit" }).format(date);
  const sameYear = date.getFullYear() === now.getFullYear();
  const options: Intl.DateTimeFormatOptions = { day: "numeric", month: "short" };
  if (!sameYear) options.year = "numeric";
  return new Intl.DateTimeFormat(locale, options).format(date);
}

/** @param time RFC 3339 */
export const formatExact = (time: string, locale?: string): string =>
  new Intl.DateTimeFormat(locale, { dateStyle: "long", timeStyle: "short" }).format(new Date(time));
