// CloudFront Function at the viewer of the default behaviour: it moves the old
// host, gives `/` and `/web` a page, and lets everything else through. The
// runtime is cloudfront-js-2.0: no network, no state, 1 ms.
//
// SITE_HOST and OLD_HOST are filled in when the stack is made; OLD_HOST may be
// empty.
var SITE_HOST = '__SITE_HOST__';
var OLD_HOST = '__OLD_HOST__';
var HOME = '/web/index.html';

// What the old host showed, and where that is now. It was one page with
// sections; whatever is not listed goes to the front page.
var OLD_PATHS = {
  '/': HOME,
  '/about': '/web/about.html',
  '/docs': '/web/api.html',
  '/results': '/web/jobs.html',
  '/simulate': '/web/plan.html',
};

function redirect(code, text, location, maxAge) {
  return {
    statusCode: code,
    statusDescription: text,
    headers: {
      location: { value: location },
      'cache-control': { value: 'public, max-age=' + maxAge },
      'strict-transport-security': { value: 'max-age=31536000' },
    },
  };
}

function handler(event) {
  var request = event.request;
  var host = request.headers.host ? request.headers.host.value.toLowerCase() : '';
  if (OLD_HOST !== '' && host === OLD_HOST) {
    var path = request.uri.length > 1 && request.uri.endsWith('/') ? request.uri.slice(0, -1) : request.uri;
    var known = Object.prototype.hasOwnProperty.call(OLD_PATHS, path);
    var target = known ? OLD_PATHS[path] : path.startsWith('/web/') ? path : HOME;
    return redirect(301, 'Moved Permanently', 'https://' + SITE_HOST + target, 86400);
  }
  if (request.uri === '/' || request.uri === '/web' || request.uri === '/web/') {
    return redirect(302, 'Found', HOME, 300);
  }
  return request;
}
