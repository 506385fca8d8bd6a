// CloudFront Function at the viewer of `/files/*`: the artifacts bucket has its
// keys without that prefix. Only files of jobs pass; every other address is
// answered here, so that no request for another key ever reaches the bucket.
var FILE = /^\/files(\/jobs\/[a-z2-7]{26}\/[a-z0-9]+(?:[_.-][a-z0-9]+)*)$/;

function handler(event) {
  var request = event.request;
  var match = FILE.exec(request.uri);
  if (!match) {
    return {
      statusCode: 404,
      statusDescription: 'Not Found',
      headers: { 'content-type': { value: 'text/plain; charset=utf-8' }, 'cache-control': { value: 'public, max-age=60' } },
      body: { encoding: 'text', data: 'There is no such file.\n' },
    };
  }
  request.uri = match[1];
  request.querystring = {};
  return request;
}
