import type { Side } from "./side.ts";

/** What is wrong with what a scenario has come to, when both of its ends are over. */
export function findWrongs(sides: readonly Side[]): string[] {
  return sides.flatMap((side) => wrongsOf(side).map((wrong) => `${side.plan.name}: ${wrong}`));
}

function wrongsOf(side: Side): string[] {
  const { peer, plan: { incoming: { messages, tail } }, connection, stats, reader, writer } = side;
  const wrongs = [...side.promises.wrongs, ...connection.wrongs, ...writer.producers.wrongs];
  const claim = (isTrue: boolean, what: string): void => {
    if (!isTrue) wrongs.push(what);
  };
  const same = (found: number, expected: number, what: string): void =>
    claim(found === expected, `${what}: ${found}, not ${expected}`);

  claim(connection.isOver, `the connection still has ${connection.underWay}`);
  const listeners = side.signals.reduce((sum, each) => sum + each.listeners, 0);
  same(listeners, 0, "listeners on signals");
  same(side.chat.stats.queued, 0, "stats.queued");

  claim(stats.framesOut <= writer.framesSent, `stats.framesOut: ${stats.framesOut}`);
  if (reader.framesAreKnown) same(stats.framesIn, reader.framesRead, "stats.framesIn");
  same(stats.bytesOut, connection.bytesWritten, "stats.bytesOut");
  claim(stats.bytesIn <= connection.bytesRead, `stats.bytesIn: ${stats.bytesIn}`);
  claim(
    connection.bytesRead <= peer.connection.bytesOffered,
    `${connection.bytesRead} bytes were read, ${peer.connection.bytesOffered} written`,
  );

  if (!side.judge.isWhole) return wrongs;
  same(reader.received, messages.length, "messages received");
  same(reader.tailReceived, tail?.length ?? 0, "bytes of the tail received");
  same(connection.bytesRead, peer.connection.bytesWritten, "bytes read");
  if (reader.isBetweenFrames) same(stats.bytesIn, peer.stats.bytesOut, "stats.bytesIn");
  return wrongs;
}
