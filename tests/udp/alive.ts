/** Opens a socket, says `ref` or `unref` to it, and waits for a datagram, which comes only with `ref`. */
import process from "node:process";
import { bindUdp } from "../../src/udp/mod.ts";

const [call = ""] = process.argv.slice(2);
const socket = await bindUdp();
socket.unref();
if (call === "ref") {
  socket.ref();
  setTimeout(() => socket.send("hello", socket.address), 10);
}
socket.receive().then((datagram) => {
  console.log(new TextDecoder().decode(datagram!.data));
  return socket.close();
});
