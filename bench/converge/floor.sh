# The least that any tool must do to set up the server; run as root by bench/converge, for comparison.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get --quiet update
xargs apt-get --quiet --yes --no-install-recommends install <packages
for image in prep waf; do
  docker load --quiet --input $image.tar.gz
done
tar --extract --file files.tar --directory /
