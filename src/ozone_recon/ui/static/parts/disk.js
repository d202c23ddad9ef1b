// Disk use: Ozone, non-Ozone and remaining space.

import { bytes, count, percent } from "../format.js";
import { shareBar, shareLegend } from "./share.js";

/**
 * Bytes, as the API returns them.
 * @typedef {{capacity: number, used: number, remaining: number, committed: number, minimumFreeSpace: number, reserved: number, failedVolumes: number}} StorageReport
 */
/** @typedef {{report: StorageReport, nonOzone: number, share: number}} Disk `share` of the capacity is used, by Ozone or not */

/** The used share from which a disk counts as nearly full. */
export const FULL = 0.9;
/** The used share from which space should be added. */
export const FILLING = 0.75;

/** @param {StorageReport | undefined} report @returns {Disk | null} */
export function disk(report) {
  if (!report || report.capacity <= 0) return null;
  const taken = Math.max(0, report.capacity - report.remaining);
  return { report, nonOzone: Math.max(0, taken - report.used), share: taken / report.capacity };
}

/** @param {Disk} of */
function shares({ report, nonOzone, share }) {
  return [
    { value: report.used, tone: share >= FULL ? "bad" : share >= FILLING ? "warn" : "mine", label: "Ozone", text: bytes(report.used) },
    { value: nonOzone, tone: "others", label: "Non-Ozone", text: bytes(nonOzone) },
  ];
}

/** @param {Disk} of */
export function diskBar(of) {
  const { report, nonOzone, share } = of;
  return shareBar(shares(of), report.capacity,
    `${percent(share, 1)} full: Ozone uses ${bytes(report.used)} and non-Ozone data ${bytes(nonOzone)} of ${bytes(report.capacity)}; ${count(report.remaining)} bytes remaining`);
}

/** @param {Disk} of */
export function diskLegend(of) {
  const { report } = of;
  return shareLegend([
    ...shares(of),
    { value: report.remaining, tone: "ground", label: "Remaining", text: bytes(report.remaining) },
    { value: 0, tone: "", label: "Committed", text: bytes(report.committed) },
    { value: 0, tone: "", label: "Minimum free", text: bytes(report.minimumFreeSpace) },
    { value: 0, tone: "", label: "Reserved", text: bytes(report.reserved) },
  ]);
}
