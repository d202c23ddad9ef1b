// How full disks are: by Ozone, by others, and what is left for Ozone.

import { bytes, count, percent } from "../format.js";
import { shareBar, shareLegend } from "./share.js";

/**
 * Bytes, as the API has them.
 * @typedef {{capacity: number, used: number, remaining: number, committed: number, minimumFreeSpace: number, reserved: number, failedVolumes: number}} StorageReport
 */
/** @typedef {{report: StorageReport, others: number, share: number}} Disk `share` of what Ozone may use is used, by anybody */

/** From where on there is too little room. */
export const FULL = 0.9;
/** From where on more room is needed before long. */
export const FILLING = 0.75;

/** @param {StorageReport | undefined} report @returns {Disk | null} */
export function disk(report) {
  if (!report || report.capacity <= 0) return null;
  const taken = Math.max(0, report.capacity - report.remaining);
  return { report, others: Math.max(0, taken - report.used), share: taken / report.capacity };
}

/** @param {Disk} of */
function shares({ report, others, share }) {
  return [
    { value: report.used, tone: share >= FULL ? "bad" : share >= FILLING ? "warn" : "mine", label: "Ozone", text: bytes(report.used) },
    { value: others, tone: "others", label: "Others", text: bytes(others) },
  ];
}

/** @param {Disk} of */
export function diskBar(of) {
  const { report, others, share } = of;
  return shareBar(shares(of), report.capacity,
    `${percent(share, 1)} full: Ozone uses ${bytes(report.used)}, others ${bytes(others)} of ${bytes(report.capacity)}; ${count(report.remaining)} bytes are left`);
}

/** @param {Disk} of */
export function diskLegend(of) {
  const { report } = of;
  return shareLegend([
    ...shares(of),
    { value: report.remaining, tone: "ground", label: "Left", text: bytes(report.remaining) },
    { value: 0, tone: "", label: "Promised to open containers", text: bytes(report.committed) },
    { value: 0, tone: "", label: "To stay free", text: bytes(report.minimumFreeSpace) },
    { value: 0, tone: "", label: "Kept back from Ozone", text: bytes(report.reserved) },
  ]);
}
