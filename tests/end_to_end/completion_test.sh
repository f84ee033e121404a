#!/usr/bin/env bash
# Completion in real shells: what the tab key offers in bash, zsh and fish.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

export PATH=$work:$PATH HOME=$work

in_bash() {
  # shellcheck disable=SC2016
  bash --norc -c 'source <(spawnctl completion bash); COMP_LINE=$1 COMP_POINT=${#1}; _spawnctl; printf "%s\n" "${COMPREPLY[@]}"' - "$1"
}
# compadd works inside of the line editor only: here it prints what it is given.
in_zsh() {
  # shellcheck disable=SC2016
  zsh -f -c 'compdef() { :; }; compadd() { print -rl -- "${(@P)2}"; }; _files() { :; }
    source <(spawnctl completion zsh); words=("${(@s: :)1}"); CURRENT=$#words; _spawnctl' - "$1"
}
in_fish() { fish -N -c 'spawnctl completion fish | source; complete -C $argv[1]' "$1" | cut -f 1; }

# offers SHELL LINE WORD...: the words are among what is offered.
offers() {
  local shell=$1 line=$2 got word; shift 2
  got=$("in_$shell" "$line")
  for word in "$@"; do grep -qxF -- "$word" <<<"$got" || fail "$shell does not offer '$word' for '$line', but: $got"; done
}

each_place() {
  local shell=$1
  offers "$shell" 'spawnctl cre' create
  offers "$shell" 'spawnctl ' create get save graduate run completion
  offers "$shell" 'spawnctl get data-c' data-container data-containers
  offers "$shell" 'spawnctl get data-container ' alpha beta
  offers "$shell" 'spawnctl -q delete dc al' alpha
  offers "$shell" 'spawnctl create data-container --ima' --image
  offers "$shell" 'spawnctl create data-container --image sh' shop
  offers "$shell" 'spawnctl create data-container --image shop --durability al' always
  offers "$shell" 'spawnctl get data-containers -o y' yaml
  offers "$shell" 'spawnctl connect be' beta
  offers "$shell" 'spawnctl load data-container alpha --revision ' rev.0 rev.1
  offers "$shell" 'spawnctl graduate dc alpha -r rev.1 --tag ni' nightly
  offers "$shell" 'spawnctl update data-image shop --team pub' public
  offers "$shell" 'spawnctl context u' use
  offers "$shell" 'spawnctl context use def' default
  # A letter means what it does in its verb: here it is a switch, in create it takes a file.
  offers "$shell" 'spawnctl logs data-container -f al' alpha
}

case_bash() {
  each_place bash
  offers bash 'spawnctl run shop:ni' nightly
  offers bash 'spawnctl create di --team myorg:d' dbas
  offers bash 'spawnctl load dc alpha --revision=r' rev.0 rev.1
}
case_zsh() { each_place zsh; offers zsh 'spawnctl run shop:ni' shop:nightly; }
case_fish() { each_place fish; offers fish 'spawnctl run shop:ni' shop:nightly; }

# Team names are free text, and somebody else's: what the tab key puts on the line must not be run when it is entered.
case_hostile_names_are_not_run() {
  local shell word
  for shell in bash zsh fish; do
    for word in $("in_$shell" "spawnctl update data-image shop --team evil"); do
      # shellcheck disable=SC2016
      case $shell in
        bash) bash --norc -c "printf '%s\n' $word" >/dev/null 2>&1 || true ;;
        zsh) zsh -f -c "print -r -- $word" >/dev/null 2>&1 || true ;;
        fish) fish -N -c "echo -- $word" >/dev/null 2>&1 || true ;;
      esac
    done
    [[ -z $(find "$work" -maxdepth 1 -name 'ran-*') ]] || fail "$shell ran a team's name: $(ls -d "$work"/ran-*)"
    offers "$shell" 'spawnctl update data-image shop --team pub' public
  done
}

case_no_daemon_is_no_error() {
  assert_eq "$(export SPAWNCTL_API_ENDPOINT=unix:///nonexistent; in_bash 'spawnctl connect ')" ""
  assert_error 64 tcsh bash zsh fish -- ctl completion tcsh
}

write_config
start_daemon
make_items_image shop 'version: 15' 'tags: [nightly]' 'teams: [public, "myorg:dbas"]'
# shellcheck disable=SC2016
make_image shared-by-bob 'sourceType: empty' "teams: ['evil\$(touch\${IFS}$work/ran-1)', 'evil\`touch\${IFS}$work/ran-2\`', 'evil;touch\${IFS}$work/ran-3;', 'evil(touch\${IFS}$work/ran-4)', \"evil'\$(touch\${IFS}$work/ran-5)\"]" >/dev/null
make_container shop alpha >/dev/null
make_container shop beta >/dev/null
ctl save data-container -q alpha >/dev/null
run_cases "$@"
