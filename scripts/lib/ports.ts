import { createServer, type AddressInfo } from "node:net";

export class PortBusyError extends Error {
  override name = "PortBusyError";
}

/** @throws PortBusyError when something listens on the port already; 0 always passes */
export async function requireFreePort(port: number, host: string): Promise<void> {
  if (port === 0) return;
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") {
        reject(
          new PortBusyError(`Port ${port} is in use. Choose another with --port N, or any free one with --port 0.`),
        );
      } else if (error.code === "EACCES") {
        reject(new PortBusyError(`Port ${port} may not be used by this user. Choose one above 1023 with --port N.`));
      } else {
        reject(error);
      }
    });
    server.listen(port, host, () => server.close(() => resolve()));
  });
}

/** A port that nothing listened on a moment ago, for tools that must be told one. */
export async function freePort(host: string): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
