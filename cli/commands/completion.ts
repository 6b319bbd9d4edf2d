import { command, COMMON, expectPositionals, type Command, type Option } from "../command.ts";
import { usage } from "../exit-codes.ts";
import { loadAll } from "../registry.ts";

/** What may stand behind the name of a command. */
const flagsOf = ({ options }: Command): string[] => Object.keys({ ...options, ...COMMON }).map((name) => `--${name}`);

/** Within single quotes of a shell. */
const quoted = (text: string): string => text.replaceAll("'", "'\\''");

const SHELLS: Record<string, (commands: readonly Command[]) => string> = {
  bash: (commands) => `_edgedrive() {
  local word="\${COMP_WORDS[COMP_CWORD]}" words=""
  if [[ $COMP_CWORD -eq 1 ]]; then
    words='${commands.map(({ name }) => name).join(" ")} --help'
  else
    case "\${COMP_WORDS[1]}" in
${commands.map((c) => `      ${c.name}) words='${flagsOf(c).join(" ")}' ;;`).join("\n")}
    esac
    [[ $word == -* ]] || words=""
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _edgedrive edgedrive
`,
  zsh: (commands) => `#compdef edgedrive
_edgedrive() {
  if (( CURRENT == 2 )); then
    local -a commands=(
${commands.map(({ name, summary }) => `      '${name}:${quoted(summary)}'`).join("\n")}
    )
    _describe command commands
    return
  fi
  case $words[2] in
${commands.map((c) => `    ${c.name}) [[ $PREFIX == -* ]] && compadd -- ${flagsOf(c).join(" ")} || _files ;;`).join("\n")}
  esac
}
compdef _edgedrive edgedrive
`,
  fish: (commands) =>
    commands
      .flatMap((c) => [
        `complete -c edgedrive -n __fish_use_subcommand -a ${c.name} -d '${quoted(c.summary)}'`,
        ...Object.entries<Option>({ ...c.options, ...COMMON }).map(
          ([name, { short, help }]) =>
            `complete -c edgedrive -n '__fish_seen_subcommand_from ${c.name}' -l ${name}${short ? ` -s ${short}` : ""} -d '${quoted(help)}'`,
        ),
      ])
      .join("\n"),
};

export default command({
  name: "completion",
  summary: "Print a script that lets your shell complete commands and options.",
  forms: [Object.keys(SHELLS).join("|")],
  options: {},
  examples: [
    ['eval "$(edgedrive completion bash)"', "in ~/.bashrc"],
    ["edgedrive completion fish > ~/.config/fish/completions/edgedrive.fish", "once, for fish"],
  ],
  async run(context) {
    expectPositionals(context, 1, 1);
    const script = SHELLS[context.positionals[0]!];
    if (script === undefined) throw usage(`There are scripts for ${Object.keys(SHELLS).join(", ")}.`);
    context.out.text(script(await loadAll()));
  },
});
