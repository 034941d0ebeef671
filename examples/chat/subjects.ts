/** The subjects that the servers of one chat use on the bus. */
const PREFIX = "asynchat.chat";

/** What happens to members: which server has whom. */
export const PRESENCE: string = `${PREFIX}.presence`;

/** Answers with the names of all servers. */
export const SERVERS: string = `${PREFIX}.servers`;

/** Where one server is asked. */
export function serverSubject(id: string): string {
  return `${PREFIX}.server.${id}`;
}

/** What happens in a room. The names of rooms have no dots or wildcards, and are ASCII here: `tee-stübchen`, `tee-st%C3%BCbchen`. */
export function roomSubject(room: string): string {
  return `${PREFIX}.room.${encodeURIComponent(room)}`;
}
