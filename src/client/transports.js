/**
 * The ways to hear from the server, all alike: each is opened with the handshakes to begin with,
 * calls `onMessage` with every message and `onClose` once, when it has ended by itself.
 */

/** A WebSocket: takes further handshakes at any time. */
export class Socket {
  static transport = "websocket";

  constructor(handshakes, { onMessage, onClose }) {
    const url = new URL("/api/realtime/subscribe", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    this.socket = new WebSocket(url);
    this.socket.onopen = () => handshakes().forEach((handshake) => this.say(handshake));
    this.socket.onmessage = (event) => onMessage(JSON.parse(event.data));
    this.socket.onclose = (event) => onClose(event.code);
  }

  /** Says a handshake; whether that was possible. */
  say(handshake) {
    const open = this.socket.readyState === WebSocket.OPEN;
    if (open) this.socket.send(JSON.stringify(handshake));
    return open;
  }

  close() {
    this.socket.onmessage = this.socket.onclose = null;
    this.socket.close();
  }
}

/** Server-Sent Events: what is heard is settled when the stream is opened. */
export class Stream {
  static transport = "sse";

  constructor(handshakes, { onMessage, onClose }) {
    const query = new URLSearchParams({ subscribe: JSON.stringify(handshakes()) });
    this.stream = new EventSource(`/api/realtime/subscribe/sse?${query}`);
    this.stream.onmessage = (event) => onMessage(JSON.parse(event.data));
    // When and how to come back is for the connection to say, not for the browser.
    this.stream.onerror = () => {
      this.close();
      onClose();
    };
  }

  say() {
    return false;
  }

  close() {
    this.stream.onmessage = this.stream.onerror = null;
    this.stream.close();
  }
}
