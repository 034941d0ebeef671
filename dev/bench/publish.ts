/** What people see of the bench: a chart of at most ten rows, and the same figures as a table in docs/performance.md. */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type RuntimeName, RUNTIMES } from "../../tests/support/programs.ts";
import type { FigureResult } from "./contest.ts";
import { machineInWords, runtimeInWords } from "./machine.ts";
import { inWords, type Results } from "./results.ts";

interface Chart {
  setOption(option: unknown): void;
  renderToSVGString(): string;
  dispose(): void;
}

/** (Its own types need those of a browser.) */
const echarts: { init(element: null, theme: null, options: object): Chart } = createRequire(
  import.meta.url,
)("echarts");

const CHART = "docs/performance.svg";
const GUIDE = "docs/performance.md";
const TABLE = /(<!-- figures -->\n)[^]*(<!-- end of figures -->)/;
const MOST_ROWS = 10;

const [WIDTH, ROW_HEIGHT] = [860, 40];
const COLOURS: Readonly<Record<RuntimeName, string>> = {
  node: "#2e7d32",
  deno: "#1565c0",
  bun: "#c2185b",
};
/** Where a runtime's mark lies in its row, in pixels above its middle. */
const OFFSETS: Readonly<Record<RuntimeName, number>> = { node: 10, deno: 0, bun: -10 };

/** What one would use instead, and the figure on each runtime. */
type Row = readonly [instead: string, parts: Partial<Record<RuntimeName, FigureResult>>];

/** Draws the chart, and writes the table. */
export function publish(results: Results): void {
  const rows = Object.values(results).flatMap((parts): Row[] => {
    const row = Object.values(parts)[0]?.chart?.row;
    return row === undefined ? [] : [[row, parts]];
  });
  if (rows.length > MOST_ROWS) throw new Error(`the chart has ${rows.length} rows`);
  writeFileSync(CHART, draw(rows));
  const guide = readFileSync(GUIDE, "utf8");
  if (!TABLE.test(guide)) throw new Error(`${GUIDE} has no place for the figures`);
  writeFileSync(GUIDE, guide.replace(TABLE, (_, begin, end) => `${begin}${table(rows)}\n${end}`));
}

/** A mark for each runtime, on a scale of logarithms, a line for each limit, and one where both are as fast. */
function draw(rows: readonly Row[]): string {
  const names = rows.map(([instead]) => instead.replace(": ", "\n"));
  const points = (
    runtime: RuntimeName,
    of: (figure: FigureResult) => number | undefined,
  ): (number | string)[][] =>
    rows.flatMap(([, parts], at) => {
      const value = parts[runtime] && of(parts[runtime]);
      return value === undefined ? [] : [[Number(value.toFixed(2)), names[at]!]];
    });
  const series = RUNTIMES.flatMap((runtime) => {
    const common = {
      type: "scatter" as const,
      name: runtimeInWords(runtime),
      itemStyle: { color: COLOURS[runtime] },
      symbolOffset: [0, -OFFSETS[runtime]],
    };
    return [
      { ...common, symbolSize: 9, data: points(runtime, ({ value: [median] }) => median) },
      {
        ...common,
        symbol: "rect",
        symbolSize: [2, 10],
        data: points(runtime, ({ limit }) => limit),
      },
    ];
  });
  const chart = echarts.init(null, null, {
    renderer: "svg",
    ssr: true,
    width: WIDTH,
    height: 90 + ROW_HEIGHT * rows.length,
  });
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    legend: { top: 4, itemGap: 40, data: RUNTIMES.map(runtimeInWords) },
    grid: { left: 230, right: 24, top: 36, bottom: 44 },
    xAxis: {
      type: "log",
      name: "how many times as fast asynchat is; the thin lines are a loop by hand",
      nameLocation: "middle",
      nameGap: 28,
      axisLabel: { formatter: "{value}×" },
    },
    yAxis: {
      type: "category",
      data: names,
      inverse: true,
      axisTick: { show: false },
      splitLine: { show: true },
    },
    series: [
      ...series,
      {
        type: "line",
        data: [],
        markLine: {
          silent: true,
          symbol: "none",
          label: { show: false },
          lineStyle: { color: "#444444", type: "solid" },
          data: [{ xAxis: 1 }],
        },
      },
    ],
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

function table(rows: readonly Row[]): string {
  const date = new Date().toISOString().slice(0, 10);
  const lines = rows.map(([instead, parts]) => {
    const cells = RUNTIMES.map((runtime) => {
      const figure = parts[runtime];
      if (figure === undefined) return "";
      const limit = figure.limit === undefined ? "" : ` (${inWords(figure.limit)})`;
      return `${inWords(figure.value[0])}${limit}`;
    });
    return `| ${[instead, ...cells].join(" | ")} |`;
  });
  return [
    `Measured on ${date}: ${machineInWords()}; medians of several rounds.`,
    "",
    `| instead of | ${RUNTIMES.map(runtimeInWords).join(" | ")} |`,
    "| --- | --- | --- | --- |",
    ...lines,
  ].join("\n");
}
