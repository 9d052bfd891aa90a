/** Another tenant has the name of one that was approved: what that means, and what to do. */
export function NameTaken({ detail }: { detail: string | null | undefined }) {
  return (
    <div role="alert" className="trouble">
      <p>
        <strong className="wrong">Another tenant has this name.</strong> <bdi>{detail}</bdi>
      </p>
      <p>
        The account is open and waits. Whoever runs the cluster renames or removes that tenant; then
        this one is made by itself.
      </p>
    </div>
  );
}
