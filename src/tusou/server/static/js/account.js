// The button that signs out, on every page that has one.

const button = document.getElementById("sign-out");
button?.addEventListener("click", async () => {
  await fetch("/api/v1/session", { method: "DELETE" }).catch(() => null);
  location.assign("/sign-in");
});
