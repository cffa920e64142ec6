#include "collect/scrape/advice.h"

#include <array>

namespace prom5::scrape {

namespace {

struct Advice {
  std::string_view sign;  ///< a part of the error
  std::string_view text;
};

/// The first that fits is given.
constexpr std::array kAdvice = std::to_array<Advice>({
    {"Connection refused",
     "Nothing listens on this port: is the exporter running, and is the port right?"},
    {"No route to host", "The host cannot be reached: check network, firewall and address."},
    {"Network is unreachable", "There is no way to this network: check address and routes."},
    {"connect to server",
     "The host or a firewall does not answer: is the exporter running, and are address and port "
     "right?"},
    {"Could not resolve host", "The name is unknown to DNS: check its spelling and the resolver."},
    {"without a connection",
     "Nothing answers at this address: check host and port, and whether a firewall drops what is "
     "sent there."},
    {"without an address", "DNS does not answer in time: check the resolver and the name."},
    {"timed out",
     "The target answers too slowly: ask it with curl, raise scrape_timeout, or make its page "
     "smaller."},
    {"after a redirect",
     "The page is somewhere else, or behind a login: set metrics_path to where it is, or "
     "basic_auth or authorization for this job."},
    {"HTTP status 401", "It wants a login: set basic_auth or authorization for this job."},
    {"HTTP status 403",
     "The login is not allowed to read metrics: check its rights, or the token."},
    {"HTTP status 404", "There is no page at this path: set metrics_path."},
    {"HTTP status 400", "It does not take the request: does it want https? Set scheme: https."},
    {"HTTP status 429", "It is asked too often: raise scrape_interval."},
    {"HTTP status 5", "The target itself fails: look into its log."},
    {"Content-Type",
     "What came is probably no page of metrics: check metrics_path, or whether a login page came. "
     "If "
     "it is one, set fallback_scrape_protocol."},
    {"body size limit",
     "Its page is larger than body_size_limit: raise it if the target is right, or make the page "
     "smaller."},
    {"sample limit",
     "It has more series than sample_limit: raise it, or drop series at the target."},
    {"label_limit", "A series has more labels than label_limit allows."},
    {"label_name_length_limit", "A label's name is longer than allowed."},
    {"label_value_length_limit",
     "A label's value is longer than allowed: it probably holds a query, a URL or an ID."},
    {"target_limit", "Discovery finds more targets than target_limit: raise it, or relabel."},
    {"does not match", "Its certificate is for another name: set tls_config: server_name."},
    {"SSL certificate", "Its certificate is not trusted: set tls_config: ca_file."},
    {"certificate", "The certificates of the two do not fit: check tls_config."},
    {"SSL", "TLS failed: does the target speak https at all? Check scheme and tls_config."},
    {"wrong version number", "The target speaks plain HTTP: set scheme: http."},
    {"gzip: ",
     "What came is not what its Content-Encoding says, or was cut: set enable_compression: false "
     "and see whether the plain page is good."},
    {"zstd: ",
     "What came is not what its Content-Encoding says, or was cut: set enable_compression: false "
     "and see whether the plain page is good."},
    {"transfer closed",
     "The connection ended in the middle of the page: look into the target's log, and at any proxy "
     "between."},
    {"URL", "The address is no host with a port: check __address__, scheme and metrics_path."},
    {"redirects", "It sends the request around in circles: check metrics_path."},
    {"OAuth2", "No token came: check oauth2 and the token's server."},
    {"# EOF", "The page was cut, or is no whole OpenMetrics page."},
    {"line ",
     "The page is malformed at that line: tell who makes the exporter. promtool check "
     "metrics and prom5 check metrics show the same."},
    {"family ", "The page is malformed there: tell who makes the exporter."},
    {"server returned nothing", "The target closed the connection: look into its log."},
    {"Empty reply", "The target closed the connection without an answer: look into its log."},
    {"reset by peer",
     "The target broke the connection off: does it want https? Set scheme: https, or look into its "
     "log."},
});

}  // namespace

std::string_view advice_on(std::string_view error) {
  for (const Advice& advice : kAdvice) {
    if (error.find(advice.sign) != std::string_view::npos) return advice.text;
  }
  return "";
}

}  // namespace prom5::scrape
