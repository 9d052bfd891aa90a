import type { Schemas } from "../api/client";

/** What of a request says where it is. */
export type Standing = Pick<
  Schemas["Request"],
  "tenant" | "submitted_at" | "decided_at" | "stack"
> & { plan: { key?: string | null } };

/** A stage of a request. */
export interface Stage {
  readonly name: string;
  readonly at: string | null;
  readonly state: "done" | "now" | "later" | "ended";
}

/** Whether it is worth looking again by itself. */
export function moves({ tenant, stack }: Standing): boolean {
  return (
    tenant.status === "awaiting_approval" ||
    (stack != null && ["queued", "conflict", "made", "starting"].includes(stack.state))
  );
}

/** How far it is. Each stage says itself in words which it is. */
export function stages({ tenant, submitted_at, decided_at, stack }: Standing): Stage[] {
  const sent: Stage = { name: "Sent", at: submitted_at, state: "done" };
  const at = decided_at ?? null;
  switch (tenant.status) {
    case "approved":
      return [sent, { name: "Approved", at, state: "done" }, ...built(stack)];
    case "rejected":
      return [sent, { name: "Turned down", at, state: "ended" }];
    case "withdrawn":
      return [sent, { name: "Withdrawn", at, state: "ended" }];
    default:
      return [
        sent,
        { name: "Customer success reads it", at: null, state: "now" },
        { name: "Tenant", at: null, state: "later" },
      ];
  }
}

function built(stack: Standing["stack"]): Stage[] {
  if (!stack) return [{ name: "Tenant is made by people", at: null, state: "now" }];
  const at = stack.made_at ?? null;
  if (!at) return [{ name: "Tenant is being made", at, state: "now" }];
  const made: Stage = { name: "Tenant made", at, state: "done" };
  const since = stack.since ?? null;
  switch (stack.state) {
    case "starting": {
      const { ready, total } = stack.parts ?? { ready: 0, total: 0 };
      const name = total ? `Stack starts: ${ready} of ${total} parts run` : "Stack starts";
      return [made, { name, at: null, state: "now" }];
    }
    case "ready":
      return [made, { name: "Stack ready", at: since, state: "done" }];
    case "removed":
      return [made, { name: "Tenant removed", at: since, state: "ended" }];
    default:
      return [made];
  }
}

/** What to do next. */
export function next({ tenant, stack, plan }: Standing): string {
  switch (tenant.status) {
    case "approved":
      return afterwards(tenant.id, stack);
    case "rejected":
      return "Nothing was made of it. Ask customer success why; a changed form can be sent at any time.";
    case "withdrawn":
      return "You took it back, and nothing was made of it. A form can be sent again at any time.";
    default:
      return plan.key
        ? "Nothing is left for you to do. Somebody of customer success decides, and this page looks again by itself."
        : "No plan fits as it is. Customer success has the form and will write to its contact.";
  }
}

function afterwards(tenant: string, stack: Standing["stack"]): string {
  if (!stack) {
    return `The account ${tenant} is open. Whoever runs this installation makes the tenant and writes to the contact of the request.`;
  }
  if (stack.made_at == null) {
    return `The account ${tenant} is open and the tenant is next. Nothing is left for you to do; this page looks again by itself.`;
  }
  switch (stack.state) {
    case "ready":
      return `All of ${tenant} runs. Customer success writes to the contact of the request with what its first users need.`;
    case "removed":
      return `The tenant ${tenant} was removed. Customer success knows why; a form can be sent again at any time.`;
    default:
      return `The tenant ${tenant} exists, and its stack is coming up. Customer success writes to the contact of the request with what its first users need.`;
  }
}
