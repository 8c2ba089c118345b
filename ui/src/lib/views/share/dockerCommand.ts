import type { DockerInfo, MachineInfo, ShareInfo } from "../../ipc/generated";
import { text } from "../../format/paths";

const quoted = (path: string) => (/^[\w./@-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`);

/** Whether containers are reached through Causeway's socket, where they mount the folder itself and not its copy. */
export const hasOwnSocket = (machine: MachineInfo | null, docker: DockerInfo | null) =>
  machine?.kind === "vm" || (docker?.settings.engine_socket ?? null) !== null;

/** A command that runs a container with the share in it, whole, for a terminal. */
export function dockerCommand(share: ShareInfo, machine: MachineInfo | null, docker: DockerInfo | null): string {
  const throughCauseway = docker !== null && hasOwnSocket(machine, docker);
  const to = throughCauseway && !docker.context_selected ? ` -H unix://${quoted(text(docker.socket))}` : "";
  // Any other Docker of this computer has the copy's own place.
  const folder = throughCauseway ? share.host_path : share.guest_path;
  return `docker${to} run --rm -it -v ${quoted(text(folder))}:/app -w /app busybox sh`;
}
