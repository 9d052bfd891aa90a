import { lazy } from "react";
import { Route, Switch } from "wouter";
import { Staff } from "./access/Staff";
import { NotFound } from "./pages/NotFound";
import { Plans } from "./pages/Plans";
import { Progress } from "./pages/Progress";
import { Start } from "./pages/Start";
import { ROUTES } from "./routes";
import { Caught } from "./shell/Caught";
import { Shell } from "./shell/Shell";

// Loaded by who is signed in: a prospect does not pay for them.
const ApprovalsDesk = lazy(() => import("./components/ApprovalsDesk"));
const ProfilesDesk = lazy(() => import("./components/ProfilesDesk"));
const CustomerHealthDashboard = lazy(() => import("./components/CustomerHealthDashboard"));

export function App() {
  return (
    <Shell>
      <Caught>
        <Switch>
          <Route path={ROUTES.plans}>
            <Plans />
          </Route>
          <Route path={ROUTES.start}>{({ step }) => <Start step={step} />}</Route>
          <Route path={ROUTES.request}>{({ id }) => <Progress key={id} id={id} />}</Route>
          <Route path={ROUTES.customers}>
            {({ account, part }) => (
              <Staff>
                <CustomerHealthDashboard account={account} part={part} />
              </Staff>
            )}
          </Route>
          <Route path={ROUTES.approvals}>
            <Staff>
              <ApprovalsDesk />
            </Staff>
          </Route>
          <Route path={ROUTES.profiles}>
            <Staff>
              <ProfilesDesk />
            </Staff>
          </Route>
          <Route>
            <NotFound />
          </Route>
        </Switch>
      </Caught>
    </Shell>
  );
}
