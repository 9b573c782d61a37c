#!/bin/sh
# In the package, as source/build.sh: builds the native files for this machine, where the library prefers them. Run by
# `npm run build --prefix node_modules/outlive`: npm has node-gyp. It is not named in package.json, since Yarn then
# installs it with the package.
set -eu

cd "$(dirname "$0")"
node-gyp rebuild --loglevel=error
mkdir -p ../build/Release
cp build/Release/outlive.node build/Release/outlive-shim build/Release/outlive-host ../build/Release/
rm -r build
