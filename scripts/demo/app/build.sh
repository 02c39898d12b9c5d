# The "compiler" of the example: makes a page and signs it with a secret that ends up in no layer.
set -eu
greeting=$1
mkdir site
for step in parse compile link; do
  echo "$step ..."
  sleep 0.5
done
signature=$(sha256sum /run/secrets/signature page.html | sha256sum | cut -c1-16)
sed -e "s/@greeting@/$greeting/" -e "s/@signature@/$signature/" page.html >site/index.html
echo "site/index.html: $(wc -c <site/index.html) bytes"
