/** A proxy between browser and server that behaves as some do: it cuts, or holds back. */
import { once } from "node:events";
import { connect, createServer } from "node:net";

/** What a stream or socket asks for; all else goes through untouched. */
const LIVE = "/api/realtime/subscribe";

export class Proxy {
  /** How many live connections were cut. */
  cuts = 0;
  #connections = new Set();
  #server = createServer((client) => this.#serve(client));
  #port;
  #ways;

  /**
   * @param {number} port the server's
   * @param {{cutAfterMs?: number, buffers?: boolean}} ways
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
      if (!isLive && bytes.includes(LIVE)) {
        isLive = true;
        this.#cutLater(client);
      }
      server.write(bytes);
    });
    server.on("data", (bytes) => {
      if (!isLive || !this.#ways.buffers) client.write(bytes);
    });
  }

  #cutLater(client) {
    if (!this.#ways.cutAfterMs) return;
    setTimeout(() => {
      if (client.destroyed) return;
      this.cuts += 1;
      client.destroy();
    }, this.#ways.cutAfterMs);
  }
}
