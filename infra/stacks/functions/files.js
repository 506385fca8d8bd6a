// CloudFront Function at the viewer of `/files/*` and `/tiles/*`: the artifacts
// bucket has its keys in another form. Only files of jobs and basemaps pass;
// every other address is answered here, so that no request for another key ever
// reaches the bucket.
var FILE = /^\/files(\/jobs\/[a-z2-7]{26}\/[a-z0-9]+(?:[_.-][a-z0-9]+)*)$/;
var TILES = /^\/tiles\/([a-z0-9]+(?:[_-][a-z0-9]+)*)\.pmtiles$/;

function handler(event) {
  var request = event.request;
  var file = FILE.exec(request.uri);
  var tiles = TILES.exec(request.uri);
  if (!file && !tiles) {
    return {
      statusCode: 404,
      statusDescription: 'Not Found',
      headers: { 'content-type': { value: 'text/plain; charset=utf-8' }, 'cache-control': { value: 'public, max-age=60' } },
      body: { encoding: 'text', data: 'There is no such file.\n' },
    };
  }
  request.uri = file ? file[1] : '/cities/' + tiles[1] + '/basemap.pmtiles';
  request.querystring = {};
  return request;
}
