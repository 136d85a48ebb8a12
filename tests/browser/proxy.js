/** A proxy between browser and server that behaves as some do: it cuts, or holds back. */
import { once } from "node:events";
import { connect, createServer } from "node:net";

/** What a stream or socket asks for; all else goes through untouched. */
const LIVE = "/api/realtime/subscribe";
/** What is said first over it, once it works. */
const FIRST_WORD = '"type":"subscribed"';

export class Proxy {
  /** How many live connections were cut. */
  cuts = 0;
  #connections = new Set();
  #server = createServer((client) => this.#serve(client));
  #port;
  #ways;

  /**
   * @param {number} port the server's
   * @param {{cuts?: boolean, buffers?: boolean}} ways it cuts each connection once that has worked
   */
  static async start(port, ways) {
    const proxy = new Proxy();
    proxy.#port = port;
    proxy.#ways = ways;
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    proxy.url = `http://127.0.0.1:${proxy.#server.address().port}`;
    return proxy;
  }

  async stop() {
    for (const connection of this.#connections) connection.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #serve(client) {
    const server = connect(this.#port, "127.0.0.1");
    let isLive = false;
    for (const [one, other] of [[client, server], [server, client]]) {
      this.#connections.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        this.#connections.delete(one);
        other.destroy();
      });
    }
    client.on("data", (bytes) => {
      isLive ||= bytes.includes(LIVE);
      server.write(bytes);
    });
    server.on("data", (bytes) => {
      if (isLive && this.#ways.buffers) return;
      const isCut = isLive && this.#ways.cuts && bytes.includes(FIRST_WORD);
      client.write(bytes, () => isCut && this.#cut(client));
    });
  }

  #cut(client) {
    if (client.destroyed) return;
    this.cuts += 1;
    client.destroy();
  }
}
