import type { Results } from "./results.ts";

const WIDTH = 760;
const LABELS = 330;
const BAR = 12;
const GAP = 14;
/** Ratios beyond it are cut off in the picture, and told beside it. */
const MOST = 6;
const COLORS: Readonly<Record<string, string>> = {
  node: "#3c873a",
  deno: "#444c56",
  bun: "#d98e2b",
};

interface Row {
  readonly label: string;
  readonly bars: readonly { readonly runtime: string; readonly ratio: number }[];
}

/** Draws the figures that have a goal: a bar for each runtime, beside the line where both are as fast. An SVG. */
export function drawChart(results: Results): string {
  const rows = rowsOf(results);
  const runtimes = Object.keys(results.versions);
  const scale = (ratio: number): number =>
    LABELS + Math.min(ratio, MOST) * (WIDTH - LABELS - 60) / MOST;
  const parts: string[] = [];
  let y = 40;
  for (const { label, bars } of rows) {
    const [what, against] = label.split(": ") as [string, string];
    parts.push(text(LABELS - 10, y + 11, what, 'text-anchor="end" font-weight="bold"'));
    parts.push(text(LABELS - 10, y + 25, against, 'text-anchor="end" fill="#666"'));
    for (const { runtime, ratio } of bars) {
      const width = scale(ratio) - LABELS;
      parts.push(
        `<rect x="${LABELS}" y="${y}" width="${width.toFixed(1)}" height="${BAR - 2}" fill="${
          COLORS[runtime]
        }"/>`,
        text(scale(ratio) + 4, y + 9, `${ratio.toFixed(2)} x`, 'font-size="10"'),
      );
      y += BAR;
    }
    y += GAP;
  }
  const line = scale(1);
  const legend = runtimes.map((runtime, at) => {
    const x = LABELS + at * 120;
    return `<rect x="${x}" y="8" width="10" height="10" fill="${COLORS[runtime]}"/>` +
      text(x + 15, 17, `${runtime} ${results.versions[runtime]}`);
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y + 20}" ` +
    `font-family="system-ui, sans-serif" font-size="12" fill="#222">`,
    `<title>How many times as fast asynchat is</title>`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    ...legend,
    `<line x1="${line}" y1="30" x2="${line}" y2="${y}" stroke="#999" stroke-dasharray="3 3"/>`,
    text(line, y + 12, "as fast", 'text-anchor="middle" fill="#666" font-size="10"'),
    ...parts,
    `</svg>`,
    "",
  ].join("\n");
}

function rowsOf({ workloads }: Results): Row[] {
  const rows = new Map<string, { runtime: string; ratio: number }[]>();
  for (const byRuntime of Object.values(workloads)) {
    for (const [runtime, contests] of Object.entries(byRuntime)) {
      for (const contest of contests) {
        for (const { name, ratio, atLeast } of contest.figures) {
          if (atLeast === undefined) continue;
          const label = `${contest.name}: ${name}`;
          rows.set(label, [...rows.get(label) ?? [], { runtime, ratio: ratio.median }]);
        }
      }
    }
  }
  return [...rows].map(([label, bars]) => ({ label, bars }));
}

function text(x: number, y: number, content: string, attributes: string = ""): string {
  return `<text x="${x.toFixed(1)}" y="${y}" ${attributes}>${
    content.replace(/&/g, "&amp;").replace(/</g, "&lt;")
  }</text>`;
}
