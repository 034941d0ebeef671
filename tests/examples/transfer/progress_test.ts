import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { formatBytes, formatTime, Progress } from "../../../examples/transfer/progress.ts";

test("Progress tells the rate of the last seconds, and how long the rest will take", () => {
  let now = 0;
  const progress = new Progress(100_000_000, () => now);
  assertEquals(String(progress), "0 B of 100.0 MB  0%  0 B/s  ? left");
  const run = (seconds: number, rate: number): void => {
    for (let i = 0; i < 10 * seconds; i++) {
      now += 100;
      progress.add(rate / 10);
    }
  };
  run(5, 2_000_000);
  assertEquals(String(progress), "10.0 MB of 100.0 MB  10%  2.0 MB/s  45 s left");
  run(10, 500_000); // it is slower now, which the average would not show
  assertEquals(Math.round(progress.rate), 500_000);
  assertEquals(String(progress), "15.0 MB of 100.0 MB  15%  500.0 kB/s  2 min 50 s left");
  assertEquals(Math.round(progress.average), 1_000_000);
  now += 60_000; // nothing comes any more
  assertEquals(Math.round(progress.rate) < 30_000, true);
  progress.add(85_000_000);
  assertEquals([progress.secondsLeft, progress.done], [0, 100_000_000]);
});

test("Progress of nothing is done", () => {
  const progress = new Progress(0, () => 5);
  assertEquals(String(progress), "0 B of 0 B  100%  0 B/s  0 s left");
});

test("formatBytes() and formatTime() are for people", () => {
  const sizes = [0, 1, 999, 1_000, 1_500, 999_949, 999_950, 1e9, 123_456_789_012, 1e15, 1e18];
  assertEquals(sizes.map(formatBytes), [
    ...["0 B", "1 B", "999 B", "1.0 kB", "1.5 kB", "999.9 kB", "1.0 MB", "1.0 GB", "123.5 GB"],
    ...["1000.0 TB", "1000000.0 TB"],
  ]);
  const times = [0, 0.2, 59, 60, 61, 3_599, 3_600, 7_325, Infinity, NaN];
  assertEquals(times.map(formatTime), [
    ...["0 s", "1 s", "59 s", "1 min 00 s", "1 min 01 s", "59 min 59 s", "1 h 00 min"],
    ...["2 h 02 min", "?", "?"],
  ]);
});
