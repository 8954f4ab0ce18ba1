# The least that any tool would have to do on the server; run as root by bench/converge.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get --quiet update
xargs apt-get --quiet --yes --no-install-recommends install <packages
for image in prep waf; do
  docker load --quiet --input $image.tar.gz
done
tar --extract --file files.tar --directory /
