import { Link, useNavigate } from "@tanstack/react-router";
import { useState, type FormEvent, type ReactNode } from "react";
import { Form } from "react-aria-components";
import { session } from "../lib/drive.ts";
import { plainWords } from "../../client/words/plain-words.ts";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";

const text = {
  product: "Edgedrive",
  claim: "Your files, everywhere, at once.",
  email: "E-mail address",
  password: "Password",
  passwordHint: "At least 8 characters.",
  name: "Your name",
  signIn: "Sign in",
  register: "Create account",
  noAccount: "No account yet?",
  hasAccount: "You have an account?",
};

const PASSWORD_MIN = 8;

export function LoginPage({ next }: { next: string | undefined }) {
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  return (
    <SignInForm title={text.signIn} next={next} act={() => session.login({ email: email.trim(), password })}>
      <Field
        label={text.email}
        type="email"
        autoComplete="username"
        isRequired
        autoFocus
        value={email}
        onChange={setEmail}
      />
      <Field
        label={text.password}
        type="password"
        autoComplete="current-password"
        isRequired
        value={password}
        onChange={setPassword}
      />
    </SignInForm>
  );
}

export function RegisterPage({ invite }: { invite: string | undefined }) {
  const [name, setName] = useState("");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const register = () =>
    session.register({ name: name.trim(), email: email.trim(), password, ...(invite && { invite }) });
  return (
    <SignInForm title={text.register} next={undefined} act={register}>
      <Field
        label={text.name}
        autoComplete="name"
        isRequired
        autoFocus
        maxLength={100}
        value={name}
        onChange={setName}
      />
      <Field label={text.email} type="email" autoComplete="username" isRequired value={email} onChange={setEmail} />
      <Field
        label={text.password}
        type="password"
        autoComplete="new-password"
        isRequired
        minLength={PASSWORD_MIN}
        hint={text.passwordHint}
        value={password}
        onChange={setPassword}
      />
    </SignInForm>
  );
}

interface SignInFormProps {
  title: string;
  /** Where the person wanted to go before they were asked to sign in. */
  next: string | undefined;
  act: () => Promise<unknown>;
  children: ReactNode;
}

function SignInForm({ title, next, act, children }: SignInFormProps) {
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const navigate = useNavigate();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(null);
    try {
      await act();
      await navigate({ href: next ?? "/", replace: true });
    } catch (problem) {
      setError(plainWords(problem));
      setBusy(false);
    }
  };
  return (
    <main className="sign-in">
      <div className="sign-in-card">
        <img src="/favicon.svg" alt="" width={44} height={44} />
        <h1>{text.product}</h1>
        <p className="quiet">{text.claim}</p>
        <Form className="form" onSubmit={(event) => void submit(event)} aria-label={title}>
          {children}
          <p role="alert" className="form-error">
            {error}
          </p>
          <Button type="submit" look="primary" isPending={busy}>
            {title}
          </Button>
        </Form>
        <p className="quiet">
          {title === text.signIn ? text.noAccount : text.hasAccount}{" "}
          {title === text.signIn ? <Link to="/register">{text.register}</Link> : <Link to="/login">{text.signIn}</Link>}
        </p>
      </div>
    </main>
  );
}
