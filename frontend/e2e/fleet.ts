/** The real operator and API server on a control plane with simulated nodes, each with its own rights. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { program, secretFile, serving } from "./server";
import { test as base } from "./test";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const HOME = "tenantry-system";

export interface Fleet {
  readonly url: string;
  /** As administrator; what it prints. */
  readonly kubectl: (...args: string[]) => string;
  /** The profile that the tests' tenants follow. */
  readonly profile: () => void;
  /** Puts an object there, as its owner would. */
  readonly apply: (object: object) => void;
  /** Whether the API server reaches the control plane. Everybody else always does. */
  readonly reached: (is: boolean) => void;
}

/** A way to the control plane that can be shut. */
class Gate {
  readonly #open = new Set<Socket>();
  readonly #server = createServer((near) => {
    if (this.#shut) return void near.destroy();
    const far = connect(this.#port, "127.0.0.1");
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#open.add(one);
      one.pipe(other);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        this.#open.delete(one);
        other.destroy();
      });
    }
  });
  readonly #port: number;
  #shut = false;

  constructor(port: number) {
    this.#port = port;
  }

  /** The port to go by. */
  listen(): Promise<number> {
    return new Promise((found) => {
      this.#server.listen(0, "127.0.0.1", () => {
        const address = this.#server.address();
        found(typeof address === "object" && address ? address.port : 0);
      });
    });
  }

  set(open: boolean): void {
    this.#shut = !open;
    if (this.#shut) for (const one of this.#open) one.destroy();
  }

  close(): void {
    this.set(false);
    this.#server.close();
  }
}

class Ground {
  readonly folder = mkdtempSync(join(tmpdir(), "tenantry-ui-fleet-"));
  readonly #dir = join(this.folder, "ground");
  readonly #programs = new Set<ChildProcess>();
  #stopped = false;
  #gate: Gate | null = null;

  start(): void {
    const tied = ["--tie-to-pid", String(process.pid)];
    this.#run(["start", "--mode", "fleet", "--nodes", "2", ...tied, "--dir", this.#dir]);
  }

  #run(args: string[], input?: string): string {
    const options = { encoding: "utf8", ...(input === undefined ? {} : { input }) } as const;
    return execFileSync(join(ROOT, "scripts/ground"), args, { ...options, maxBuffer: 1 << 26 });
  }

  kubectl(args: string[], input?: string): string {
    return this.#run(["kubectl", "--dir", this.#dir, "--", ...args], input);
  }

  apply(path: string): void {
    this.kubectl(["apply", "--server-side", "-f", join(ROOT, path)]);
  }

  /** Our definitions, once they are served. */
  define(): void {
    this.apply("crds/generated");
    for (const [crd, kind] of [
      ["crd/tenants.tenantry.dev", "Tenant"],
      ["crd/deploymentprofiles.tenantry.dev", "DeploymentProfile"],
    ] as const) {
      // kubectl takes a definition whose status is still empty for an error.
      const named = `--for=jsonpath={.status.acceptedNames.kind}=${kind}`;
      this.kubectl(["wait", named, crd, "--timeout=300s"]);
      this.kubectl(["wait", "--for=condition=Established", crd, "--timeout=300s"]);
    }
  }

  /** A way to the control plane that can be shut, and where it is. */
  async gate(): Promise<[Gate, string]> {
    const config = JSON.parse(this.kubectl(["config", "view", "--raw", "-o", "json"]));
    const gate = new Gate(Number(new URL(config.clusters[0].cluster.server).port));
    this.#gate = gate;
    return [gate, `https://127.0.0.1:${await gate.listen()}`];
  }

  /** A kubeconfig that has the token of an account of ours and nothing else. */
  account(name: string, by?: string): string {
    const found = this.kubectl(["get", "serviceaccount", name, "-n", HOME, "--ignore-not-found"]);
    if (found === "") this.kubectl(["create", "serviceaccount", name, "-n", HOME]);
    const token = this.kubectl(["create", "token", name, "-n", HOME, "--duration=4h"]).trim();
    const config = JSON.parse(this.kubectl(["config", "view", "--raw", "-o", "json"]));
    config.users[0].user = { token };
    if (by !== undefined) config.clusters[0].cluster.server = by;
    const path = join(this.folder, `${name}.kubeconfig`);
    writeFileSync(path, JSON.stringify(config), { mode: 0o600 });
    return path;
  }

  run(path: string, args: string[], kubeconfig: string): ChildProcess {
    const env = { KUBECONFIG: kubeconfig };
    const child = spawn(path, args, { env, stdio: ["ignore", "ignore", "pipe"] });
    this.#programs.add(child);
    return child;
  }

  /** The same again whenever it ends, as a kubelet would: an operator that has lost its lease does. */
  keep(path: string, args: string[], kubeconfig: string, times = 10): void {
    const child = this.run(path, args, kubeconfig);
    // Read, so that it never waits for us.
    child.stderr?.resume();
    const again = () => {
      this.#programs.delete(child);
      if (this.#stopped || times === 0) return;
      setTimeout(() => {
        if (!this.#stopped) this.keep(path, args, kubeconfig, times - 1);
      }, 200);
    };
    child.once("exit", again);
    // A build that puts the program anew takes it away for a moment.
    child.once("error", again);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const child of this.#programs) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = new Promise((done) => child.once("exit", done));
      child.kill("SIGKILL");
      await ended;
    }
    this.#gate?.close();
    this.#run(["stop", "--purge", "--dir", this.#dir]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function start(ground: Ground): Promise<Fleet> {
  ground.start();
  ground.define();
  ground.apply("operator/generated/manifests.yaml");
  const onboarding = "tenantry-api-server-onboarding";
  const account = `--serviceaccount=${HOME}:tenantry-api-server`;
  ground.kubectl([
    "create",
    "clusterrolebinding",
    onboarding,
    `--clusterrole=${onboarding}`,
    account,
  ]);
  const operator = join(dirname(program()), "tenantry-operator");
  const health = ["--health-address", "127.0.0.1:0"];
  ground.keep(operator, health, ground.account("tenantry-operator"));
  const at = ["--address", "127.0.0.1:0", "--health-address", "127.0.0.1:0"];
  const kinds = ["public", "read", "write", "onboarding"];
  const rates = kinds.map((kind) => `--rate-${kind}=1000000`);
  const [gate, by] = await ground.gate();
  const server = ground.run(
    program(),
    [
      ...["serve", ...at, ...rates, "--storage", join(ground.folder, "billing")],
      ...["--development-secret-file", secretFile()],
      ...["--cluster", "--provision", "cluster", "--snapshot-interval", "2"],
    ],
    ground.account("tenantry-api-server", by),
  );
  const address = await serving(server);
  return {
    url: `http://${address}`,
    kubectl: (...args) => ground.kubectl(args),
    profile: () => ground.apply("examples/profile-dev.yaml"),
    apply: (object) => {
      ground.kubectl(["apply", "--server-side", "-f", "-"], JSON.stringify(object));
    },
    reached: (is) => gate.set(is),
  };
}

/** Tests on it; one for all tests of a file. */
// biome-ignore lint/complexity/noBannedTypes: no fixture of each test is added
export const test = base.extend<{}, { fleet: Fleet }>({
  fleet: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the pattern
    async ({}, use) => {
      const ground = new Ground();
      try {
        await use(await start(ground));
      } finally {
        await ground.stop();
      }
    },
    { scope: "worker", timeout: 1_200_000 },
  ],
  baseURL: async ({ fleet }, use) => use(fleet.url),
});
