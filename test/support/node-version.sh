# Sourced. `install_node <major version> <directory>` installs that Node.js from npm's package `node`, and sets `node` to
# its path.
install_node() {
  npm install --silent --no-audit --no-fund --no-update-notifier --prefix "$2" "node@$1"
  node=$2/node_modules/node/bin/node
  case $("$node" --version) in
    "v$1."*) ;;
    *)
      echo "npm's package node@$1 is $("$node" --version)" >&2
      exit 1
      ;;
  esac
}
