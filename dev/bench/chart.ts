/** The picture of the results that the README shows: a panel for each workload, a row for each figure, a bar for each runtime. */
import { writeFileSync } from "node:fs";
import { isMet } from "./figures.ts";
import { inWords } from "./machine.ts";
import { ANYWHERE, figuresIn, type Found, type Results } from "./results.ts";
import { number, wanted } from "./table.ts";

const FILE = "dev/bench/chart.svg";

const WIDTH = 860;
const MARGIN = 24;
const LABELS = 400;
const AXIS = WIDTH - LABELS - 90;
const BAR = 9;
/** From one row, and from one panel, to the next. */
const [ROW_GAP, PANEL_GAP] = [8, 26];
/** The least height of a row: its two lines of text. */
const ROW = 26;
const LEGEND = 110;
/** Ratios beyond it are cut off, and told beside it. */
const MOST = 4;

const PANELS: Readonly<Record<string, string>> = {
  lines: "Lines, in memory",
  prefixed: "Frames with their length before them, in memory",
  header_and_body: "A line that says how long the body is, and the body",
  tcp: "Lines over TCP",
  writing: "Writing over TCP",
  round_trips: "Round trips over TCP",
  servers: "Whole servers, the examples of this repository",
  scale: "Memory of an idle connection: shorter is better",
  size: "Size: shorter is better",
};

const COLORS: Readonly<Record<string, string>> = {
  node: "#4d9c4a",
  deno: "#4a86d8",
  bun: "#dd8f2c",
  [ANYWHERE]: "#8a7fb8",
};

/** Readable on a light page and on a dark one: the background is drawn, and follows what the reader prefers. */
const STYLE = `
  .page { fill: #ffffff; stroke: #d8dee4 }
  .text { fill: #1f2328 }
  .muted { fill: #59636e }
  .value { fill: #1f2328; stroke: #ffffff; stroke-width: 2; paint-order: stroke }
  .mark { stroke: #1f2328 }
  .same { stroke: #8c959f }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117; stroke: #30363d }
    .text { fill: #e6edf3 }
    .muted { fill: #9198a1 }
    .value { fill: #e6edf3; stroke: #0d1117 }
    .mark { stroke: #e6edf3 }
    .same { stroke: #6e7681 }
  }
`;

/** A figure on all runtimes that it was measured on. */
type Row = [Found, ...Found[]];

/** Draws the figures that are meant for it. */
export function saveChart(results: Results): void {
  writeFileSync(FILE, drawChart(results));
}

function drawChart(results: Results): string {
  const parts: string[] = [];
  let y = MARGIN + 50;
  for (const [workload, title] of Object.entries(PANELS)) {
    const rows = rowsOf(results, workload);
    if (rows.length === 0) continue;
    const axis = axisOf(rows);
    parts.push(text(MARGIN, y, title, "text", 'font-size="14" font-weight="600"'));
    y += 14;
    const same = axis.at(1);
    if (axis.isRatio) {
      const bottom = y + rows.reduce((sum, row) => sum + heightOf(row) + ROW_GAP, 0) - ROW_GAP;
      parts.push(
        `<line x1="${same}" y1="${y - 4}" x2="${same}" y2="${
          bottom + 4
        }" class="same" stroke-dasharray="3 3"/>`,
        text(same, y - 8, "as fast", "muted", 'font-size="10" text-anchor="middle"'),
      );
    }
    for (const row of rows) y = drawRow(row, axis, y, parts);
    y += PANEL_GAP;
  }
  for (const line of footer(results)) {
    parts.push(text(MARGIN, y, line, "muted", 'font-size="10"'));
    y += 14;
  }
  const height = y + 4;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="12">`,
    `<title>How fast asynchat is beside its peers and the limit</title>`,
    `<style>${STYLE}</style>`,
    `<rect x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8" class="page"/>`,
    text(
      MARGIN,
      MARGIN + 8,
      "asynchat beside its peers and the limit: how many times as fast it is",
      "text",
    ),
    ...legend(results),
    ...parts,
    `</svg>`,
    "",
  ].join("\n");
}

function rowsOf(results: Results, workload: string): Row[] {
  const rows: Map<string, Row> = new Map();
  for (const found of figuresIn(results)) {
    if (found.workload !== workload || !found.figure.inChart) continue;
    const name = JSON.stringify([found.contest.name, found.figure.name]);
    const row = rows.get(name);
    if (row === undefined) rows.set(name, [found]);
    else row.push(found);
  }
  const order = Object.keys(COLORS);
  for (const row of rows.values()) {
    row.sort((a, b) => order.indexOf(a.place) - order.indexOf(b.place));
  }
  return [...rows.values()];
}

/** Where a value is drawn. */
interface Axis {
  readonly isRatio: boolean;
  at(value: number): number;
}

function axisOf(rows: readonly Row[]): Axis {
  const figures = rows.flat().map(({ figure }) => figure);
  const isRatio = figures.every(({ unit }) => unit === "x");
  const most = isRatio
    ? MOST
    : Math.max(...figures.flatMap(({ value, atMost = 0 }) => [value.median, atMost]));
  return {
    isRatio,
    at: (value) => Math.round(LABELS + Math.min(Math.max(value, 0), most) / most * AXIS),
  };
}

function heightOf(row: Row): number {
  return Math.max(ROW, row.length * BAR);
}

/** Draws a row, and returns where the next one begins. */
function drawRow(row: Row, axis: Axis, top: number, parts: string[]): number {
  const [{ contest, figure }] = row;
  const goal = figure.atLeast ?? figure.atMost;
  const against = goal === undefined ? figure.name : `${figure.name} (${wanted(figure)})`;
  const right = 'text-anchor="end"';
  parts.push(
    text(LABELS - 10, top + 11, contest.name, "text", right),
    text(LABELS - 10, top + 24, against, "muted", `font-size="10" ${right}`),
  );
  const height = heightOf(row);
  const values: string[] = [];
  let y = top + (height - row.length * BAR) / 2;
  for (const { place, figure } of row) {
    const { value: { median }, unit } = figure;
    const end = axis.at(median);
    const met = isMet(figure);
    const mark = met === undefined ? "" : met ? " ✓" : " ✗";
    const cut = axis.isRatio && median > MOST ? "→ " : "";
    parts.push(
      `<rect x="${LABELS}" y="${y}" width="${end - LABELS}" height="${BAR - 1}" fill="${
        COLORS[place]
      }"/>`,
    );
    values.push(
      text(end + 5, y + 8, `${cut}${number(median)} ${unit}${mark}`, "value", 'font-size="10"'),
    );
    y += BAR;
  }
  if (goal !== undefined) {
    const x = axis.at(goal);
    parts.push(
      `<line x1="${x}" y1="${top - 2}" x2="${x}" y2="${
        top + height + 2
      }" class="mark" stroke-width="1.5"/>`,
    );
  }
  parts.push(...values);
  return top + height + ROW_GAP;
}

function legend({ workloads }: Results): string[] {
  const runtimes = new Map(
    Object.values(workloads).flatMap((parts) =>
      Object.entries(parts).map(([place, { version }]) => [place, version] as const)
    ),
  );
  runtimes.delete(ANYWHERE);
  const y = MARGIN + 26;
  const names = Object.keys(COLORS).filter((place) => runtimes.has(place));
  return [
    ...names.flatMap((name, at) => {
      const x = LABELS + at * LEGEND;
      return [
        `<rect x="${x}" y="${y - 9}" width="10" height="10" fill="${COLORS[name]}"/>`,
        text(x + 15, y, `${name} ${runtimes.get(name)}`, "text"),
      ];
    }),
    `<line x1="${MARGIN + 2}" y1="${y - 11}" x2="${MARGIN + 2}" y2="${
      y + 3
    }" class="mark" stroke-width="1.5"/>`,
    text(MARGIN + 10, y, "where a figure was to arrive: ✓ it did, ✗ it did not", "muted"),
  ];
}

/** What it was measured on, and when. */
function footer({ workloads }: Results): string[] {
  const parts = Object.values(workloads).flatMap((each) => Object.values(each));
  const machines = new Set(parts.map(({ machine }) => inWords(machine)));
  const dates = [...new Set(parts.map(({ date }) => date))].sort();
  const days = dates.length > 1 ? `${dates[0]} to ${dates.at(-1)}` : `${dates[0]}`;
  return [`Measured on ${[...machines].join("; ")}; ${days}. Medians of several rounds.`];
}

function text(x: number, y: number, content: string, style: string, more: string = ""): string {
  const escaped = content.replace(/&/g, "&amp;").replace(/</g, "&lt;");
  return `<text x="${x}" y="${y}" class="${style}" ${more}>${escaped}</text>`;
}
