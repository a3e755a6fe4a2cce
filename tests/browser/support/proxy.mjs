// A TCP proxy whose connections a test can cut, and which keeps the heads of the requests that it saw.
import net from 'node:net';

export async function start_proxy(target_port) {
  const sockets = new Set();
  const heads = [];
  const server = net.createServer((client) => {
    const target = net.connect(target_port, '127.0.0.1');
    for (const [socket, other] of [[client, target], [target, client]]) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
    client.on('data', (bytes) => heads.push(bytes.toString('latin1')));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const {port} = server.address();
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    heads,
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    async stop() {
      this.cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
