# The YAML that MAAS-like servers write, read line by line. Sourced by cloud.sh.
#
# Knows block and flow maps and lists, quoted, plain and block scalars over several lines, comments. Not
# anchors, tags, or several documents. All of it in the shell: awk counts in floating point, which the
# emulated PC is slow at, and would be one more process.

newline=$'\n' tab=$'\t' carriage_return=$'\r'

# yaml FILE COMMAND [KEYS]: calls COMMAND PATH VALUE for each scalar; PATH is key.key.0.key, list items by
# number. With KEYS the rest of the top level is skipped, unread.
yaml() {
  yaml_command=$2 skipping=''
  # The open container: its indent, its path, and for a list the number of its next item. The ones
  # around it are in $outer, innermost first.
  at=-1 path='' item='' outer=''
  waiting='' scalar='' block=''
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
      [A-Za-z_]*) case " $3 " in '  ' | *" ${line%%:*} "*) skipping= ;; *) skipping=yes ;; esac ;;
      [\"\'\[\{]*) skipping= ;;
    esac
    [ -z "$skipping" ] || continue
    line=${line%"$carriage_return"}
    text=${line#"${line%%[! ]*}"}
    indent=$((${#line} - ${#text}))
    if [ -n "$block" ]; then
      if [ -z "$text" ] || [ "$indent" -gt "$block_indent" ]; then
        block_line
        continue
      fi
      end_block
    fi
    if [ -n "$scalar" ] && unfinished; then
      [ -n "$open_quote" ] || strip_comment
      scalar="$scalar $text"
      continue
    fi
    case $text in '' | '#'* | --- | ...) continue ;; esac
    strip_comment
    if [ -n "$scalar" ] && [ "$indent" -gt "$scalar_indent" ]; then
      scalar="$scalar $text"
    else
      end_scalar
      structure "$indent" "$text"
    fi
  done <"$1"
  [ -z "$block" ] || end_block
  end_scalar
}

# scan TEXT: $bare is it with a "q" in place of each quoted scalar, $raw is it without its comment, and
# $open_quote says whether its last quote is still open.
scan() {
  local part
  flow=$1 bare='' raw='' open_quote=''
  while :; do
    part=${flow%%[\"\']*}
    case $part in *' #'*) raw=$raw${part%% #*}; return ;; esac
    bare=$bare$part raw=$raw$part flow=${flow#"$part"}
    [ -n "$flow" ] || return 0
    part=$flow
    case $bare in
      '' | *[\ \[\{,:]) flow_scalar; bare=${bare}q ;;
      # An apostrophe in a word.
      *) flow=${flow#?} ;;
    esac
    raw=$raw${part%"$flow"}
  done
}

# strip_comment: takes " # …" off $text, and blanks at its end.
strip_comment() {
  case $text in *' #'*) scan "$text"; text=$raw open_quote= ;; esac
  text=${text%"${text##*[! ]}"}
}

# push INDENT PATH ITEM and pop: containers begin and end.
push() {
  outer="$at$tab$item$tab$path$newline$outer"
  at=$1 path=$2 item=$3
}
pop() {
  frame=${outer%%"$newline"*} outer=${outer#*"$newline"}
  at=${frame%%"$tab"*} frame=${frame#*"$tab"}
  item=${frame%%"$tab"*} path=${frame#*"$tab"}
}

# structure INDENT TEXT: a line of a block map or list.
structure() {
  local dash='' child rest
  case $2 in '- '* | -) dash=yes ;; esac
  while [ "$at" -gt "$1" ] || { [ "$at" = "$1" ] && [ -n "$item" ] && [ -z "$dash" ]; }; do pop; done
  if [ -n "$waiting" ]; then
    # A list may be as little indented as the key it belongs to.
    if [ "$1" -gt "$waiting_indent" ] || { [ -n "$dash" ] && [ "$1" = "$waiting_indent" ]; }; then
      push "$1" "$waiting" "${dash:+0}"
    fi
    waiting=
  fi
  [ "$at" -ge 0 ] || push "$1" '' "${dash:+0}"
  if [ -z "$dash" ]; then
    if split_key "$2"; then
      value "$path${path:+.}$key" "$after" "$1"
    else
      # The whole document in flow style, as in JSON.
      case $2 in [\[\{]*) [ -n "$path" ] || value '' "$2" "$1" ;; esac
    fi
    return
  fi
  child=$path${path:+.}${item:-0} item=$((item + 1))
  rest=${2#-}
  rest=${rest#"${rest%%[! ]*}"}
  case $rest in
    '- '*) push $(($1 + ${#2} - ${#rest})) "$child" 0 ;;
    *) split_key "$rest" && push $(($1 + ${#2} - ${#rest})) "$child" '' || { value "$child" "$rest" "$1"; return; } ;;
  esac
  structure "$at" "$rest"
}

# split_key TEXT: "key: value" into $key and $after; false when the text is no key.
split_key() {
  case $1 in
    [\[{]*) return 1 ;;
    [\"\']*)
      flow=$1
      flow_scalar
      key=$result after=$flow
      case $after in ': '* | :) after=${after#:} ;; *) return 1 ;; esac
      ;;
    *': '*) key=${1%%: *} after=${1#*: } ;;
    *:) key=${1%:} after= ;;
    *) return 1 ;;
  esac
}

# value PATH TEXT INDENT: what follows a key or a dash.
value() {
  local text=${2#"${2%%[! ]*}"}
  case $text in
    '') waiting=$1 waiting_indent=$3 ;;
    [\|\>] | [\|\>][-+0-9]*) block=$text block_path=$1 block_indent=$3 block_text='' block_margin='' ;;
    *) scalar=$text scalar_path=$1 scalar_indent=$3 ;;
  esac
}

block_line() {
  [ -n "$block_margin" ] || block_margin="${line%%[! ]*}|"
  line=${line#"${block_margin%|}"}
  case $block in
    '>'*) block_text="$block_text${block_text:+ }$line" ;;
    *) block_text=$block_text$line$newline ;;
  esac
}
end_block() {
  while :; do case $block_text in *"$newline") block_text=${block_text%"$newline"} ;; *) break ;; esac; done
  case $block in
    *-*) ;;
    *) block_text=$block_text$newline ;;
  esac
  block=
  $yaml_command "$block_path" "$block_text"
}

# unfinished: whether the open scalar has brackets or a quote still to be closed.
unfinished() {
  open_quote=
  case $scalar in
    [\[\{\"\']*) scan "$scalar" ;;
    *) return 1 ;;
  esac
  [ -z "$open_quote" ] || return 0
  pieces '[{' "$bare"
  local opened=$count
  pieces ']}' "$bare"
  [ "$opened" -gt "$count" ]
}

# pieces MARKS TEXT: $count is into how many pieces the marks cut it. Splitting words is the quickest way
# that the shell has to count.
pieces() {
  local IFS=$1
  set -f
  set -- ${2}.
  set +f
  count=$#
}

end_scalar() {
  [ -n "$scalar" ] || return 0
  flow=$scalar scalar=
  case $flow in
    [\[{]*) flow_value "$scalar_path" ;;
    [\"\']*) flow_scalar && $yaml_command "$scalar_path" "$result" ;;
    *) $yaml_command "$scalar_path" "$flow" ;;
  esac
}

# flow_value PATH: takes one value off $flow. What is malformed is dropped to its end.
flow_value() {
  local n=0 key left
  skip_blanks
  case $flow in
    '{'*)
      flow=${flow#?}
      while skip_blanks && [ -n "$flow" ] && [ "${flow#\}}" = "$flow" ]; do
        left=$flow
        flow_scalar :
        key=$result
        skip_blanks
        flow=${flow#:}
        flow_value "${1:+$1.}$key"
        skip_blanks
        flow=${flow#,}
        [ "$flow" != "$left" ] || flow=
      done
      flow=${flow#?}
      ;;
    '['*)
      flow=${flow#?}
      while skip_blanks && [ -n "$flow" ] && [ "${flow#\]}" = "$flow" ]; do
        left=$flow
        flow_value "${1:+$1.}$n"
        n=$((n + 1))
        skip_blanks
        flow=${flow#,}
        [ "$flow" != "$left" ] || flow=
      done
      flow=${flow#?}
      ;;
    *) flow_scalar && $yaml_command "$1" "$result" ;;
  esac
}

# flow_scalar [:]: takes a scalar off $flow into $result; with ":" a plain one ends there too.
flow_scalar() {
  local part
  result=
  case $flow in
    \'*)
      flow=${flow#?}
      while :; do
        part=${flow%%\'*}
        result=$result$part flow=${flow#"$part"}
        case $flow in
          "''"*) result="$result'" flow=${flow#??} ;;
          '') open_quote=yes; return ;;
          *) flow=${flow#?}; return ;;
        esac
      done
      ;;
    \"*)
      flow=${flow#?}
      while :; do
        part=${flow%%[\\\"]*}
        result=$result$part flow=${flow#"$part"}
        case $flow in
          '\n'*) result=$result$newline ;;
          '\t'*) result=$result$tab ;;
          '\'?*) part=${flow#?} result=$result${part%"${part#?}"} ;;
          '' | '\') open_quote=yes flow=; return ;;
          *) flow=${flow#?}; return ;;
        esac
        flow=${flow#??}
      done
      ;;
  esac
  if [ "$1" = : ]; then result=${flow%%[:,\]\}]*}; else result=${flow%%[,\]\}]*}; fi
  flow=${flow#"$result"}
  result=${result%"${result##*[! ]}"}
}

skip_blanks() { flow=${flow#"${flow%%[! ]*}"}; }
