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
  /** Those of them over which something is kept live. */
  #live = new Set();
  #cuts = false;
  #server = createServer((client) => this.#serve(client));
  #port;
  #ways;

  /**
   * @param {number} port the server's
   * @param {{buffers?: boolean}} ways it behaves from the beginning
   */
  static async start(port, ways = {}) {
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

  /** Cuts what is live, and from now on each such connection once it has worked. */
  cutAll() {
    this.#cuts = true;
    for (const client of this.#live) this.#cut(client);
  }

  #serve(client) {
    const server = connect(this.#port, "127.0.0.1");
    let isLive = false;
    for (const [one, other] of [[client, server], [server, client]]) {
      this.#connections.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        this.#connections.delete(one);
        this.#live.delete(one);
        other.destroy();
      });
    }
    client.on("data", (bytes) => {
      isLive ||= bytes.includes(LIVE);
      if (isLive) this.#live.add(client);
      server.write(bytes);
    });
    server.on("data", (bytes) => {
      if (isLive && this.#ways.buffers) return;
      const isCut = isLive && this.#cuts && bytes.includes(FIRST_WORD);
      client.write(bytes, () => isCut && this.#cut(client));
    });
  }

  #cut(client) {
    if (client.destroyed) return;
    this.cuts += 1;
    client.destroy();
  }
}
