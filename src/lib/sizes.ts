const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `291 bytes`, `64.0 KiB`, `12.1 MiB`. */
export function sizeWords(bytes: number): string {
  const unit = unitOf(bytes);
  return `${inUnit(bytes, unit)} ${units[unit]}`;
}

/** A part of a whole in the whole's unit: `12.1 of 80.3 MiB`; without a whole, the part alone. */
export function partWords(bytes: number, total: number | null): string {
  if (total === null) return sizeWords(bytes);
  const unit = unitOf(total);
  return `${inUnit(bytes, unit)} of ${inUnit(total, unit)} ${units[unit]}`;
}

/** `1.1 MiB/s`. */
export function speedWords(bytesPerSecond: number): string {
  return `${sizeWords(Math.round(bytesPerSecond))}/s`;
}

/** `25 s`, `4 min`, `3 h`, `2 days`. */
export function spanWords(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}

function unitOf(bytes: number): number {
  let unit = 0;
  for (let value = bytes; value >= 1024 && unit < units.length - 1; value /= 1024) unit++;
  return unit;
}

function inUnit(bytes: number, unit: number): string {
  return unit === 0 ? `${bytes}` : (bytes / 1024 ** unit).toFixed(1);
}
