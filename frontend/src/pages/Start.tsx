import { OnboardingFlow } from "../components/OnboardingFlow";
import { STEPS } from "../onboarding/steps";
import { NotFound } from "./NotFound";

export function Start({ step }: { step: string | undefined }) {
  const known = step === undefined ? STEPS[0] : STEPS.find((one) => one.key === step);
  return known ? <OnboardingFlow step={known.key} /> : <NotFound />;
}
