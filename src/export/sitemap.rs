//! The files for search engines: `sitemap.xml` and `robots.txt`.

/// Returns a sitemap (<https://www.sitemaps.org/protocol.html>) of these absolute addresses, in this order.
pub(super) fn of(addresses: impl Iterator<Item = String>) -> String {
    let entry = |address: String| format!("<url><loc>{}</loc></url>\n", escaped(&address));
    let entries: String = addresses.map(entry).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n{entries}</urlset>\n"
    )
}

/// Returns a `robots.txt` (RFC 9309) that allows every path to every crawler, and names the sitemap if the origin of
/// the site is known.
pub(super) fn robots(site: Option<&str>, base: &str) -> String {
    let sitemap = site.map(|site| format!("\nSitemap: {site}{base}/sitemap.xml\n"));
    format!("User-agent: *\nAllow: /\n{}", sitemap.unwrap_or_default())
}

/// Escapes text for XML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}
