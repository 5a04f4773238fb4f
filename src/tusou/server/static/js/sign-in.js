// Sign in, then go where one wanted to go; never to another site.

const { strings } = JSON.parse(document.getElementById("boot").textContent);
const form = document.getElementById("sign-in");
const said = document.getElementById("said");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  said.textContent = "";
  const { name, password } = Object.fromEntries(new FormData(form));
  const answer = await fetch("/api/v1/session", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ name: name.trim(), password }) }).catch(() => null);
  if (answer?.ok) return location.assign(target());
  said.textContent = !answer ? strings.offline : answer.status === 429 ? strings.sign_in_wait : answer.status === 403 ? strings.problem_wrong_password : (await answer.json().catch(() => ({}))).detail ?? `HTTP ${answer.status}`;
  form.elements.password.select();
});

/** Only a path of this site: `next` comes with the address, which anybody can write. */
function target() {
  const wanted = new URL(new URLSearchParams(location.search).get("next") ?? "/", location.origin);
  return wanted.origin === location.origin ? wanted.pathname + wanted.search : "/";
}
