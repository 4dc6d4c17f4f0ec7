#!/bin/sh
# Download the Debian packages of requirements/unpacked.txt and unpack them into .venv/unpacked.
set -eu
cd "$(dirname "$0")/.."
list=requirements/unpacked.txt
place=.venv/unpacked
if cmp -s "$list" "$place/unpacked.txt"; then
    exit 0
fi
rm -rf "$place" "$place.new"
mkdir -p "$place.new/debs"
cp "$list" "$place.new/unpacked.txt"
cd "$place.new/debs"
# As apt's own user it could not write here.
if ! {
    { [ "$(id -u)" != 0 ] || apt-get update -qq; } &&
        grep -v '^#' ../unpacked.txt | xargs apt-get download -qq -o APT::Sandbox::User=root
} >../apt.log 2>&1; then
    head -n 1 ../apt.log >&2
    echo "The packages of $list cannot be downloaded. Run this as root:" >&2
    echo "  apt-get update && make unpacked" >&2
    exit 1
fi
for deb in *.deb; do
    dpkg-deb -x "$deb" ..
done
cd ..
rm -r debs
# Exim is setuid root, and who runs it from here is root anyway.
chmod -R u-s,g-s .
cd ..
mv unpacked.new unpacked
