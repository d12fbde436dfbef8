# What the recipes' run.sh have in common, to be sourced: options, numbers of stages, messages.
# shellcheck shell=bash disable=SC2154 # stage and stop_stage are the recipe's

fail() { # MESSAGE [STATUS]
  echo "run.sh: $1" >&2
  exit "${2:-1}"
}

# parse_options "KEY..." ARGUMENT...: --key value or --key=value sets the variable `key`; --smoke is set to yes where the
# recipe has it, and --help shows its `usage`.
parse_options() {
  local known option key value
  known=" ${1//$'\n'/ } " # on one line
  shift
  while (($#)); do
    option=${1%%=*}
    key=${option#--}
    case $option in
      --help | -h) usage; exit 0 ;;
      --*) [[ $known == *" $key "* ]] || fail "unknown option $option (see --help)" 2 ;;
      *) fail "unknown argument $1 (see --help)" 2 ;;
    esac
    if [[ $1 == *=* ]]; then value=${1#*=}; elif [[ $key == smoke ]]; then value=yes; elif (($# > 1)); then
      value=$2
      shift
    else
      fail "$option needs a value" 2
    fi
    printf -v "${key//-/_}" %s "$value"
    shift
  done
}

whole_numbers() { # VARIABLE...
  local key
  for key in "$@"; do
    [[ ${!key} =~ ^[0-9]+$ ]] || fail "--${key//_/-} must be a whole number, got '${!key}'" 2
  done
}

one_of() { # OPTION VALUE WORD...
  local word
  for word in "${@:3}"; do [[ $2 != "$word" ]] || return 0; done
  fail "$1 must be one of ${*:3}, got '$2'" 2
}

one_word() { # OPTION VALUE
  [[ $2 =~ ^[A-Za-z0-9_.-]*$ ]] || fail "$1 must be one word, got '$2'" 2
}

announce() { # NUMBER WHAT
  echo "stage $1: $2 (after $((SECONDS / 60)) min)" >&2
}
wanted() { ((stage <= $1 && $1 <= stop_stage)); }   # NUMBER
