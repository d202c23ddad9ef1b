import java.net.URI;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.hdds.client.RatisReplicationConfig;
import org.apache.hadoop.hdds.client.ReplicationConfig;
import org.apache.hadoop.hdds.conf.OzoneConfiguration;
import org.apache.hadoop.hdds.protocol.proto.HddsProtos.ReplicationFactor;
import org.apache.hadoop.ozone.client.OzoneBucket;
import org.apache.hadoop.ozone.client.OzoneClientFactory;
import org.apache.hadoop.ozone.client.OzoneVolume;
import org.apache.hadoop.ozone.client.io.OzoneOutputStream;

/** Changes what no shell command does: uploads in parts that are completed and aborted, and hsync'd files. */
public class DeltaKeys {
  private static final ReplicationConfig THREE = RatisReplicationConfig.getInstance(ReplicationFactor.THREE);

  public static void main(String[] args) throws Exception {
    OzoneVolume volume = OzoneClientFactory.getRpcClient(new OzoneConfiguration()).getObjectStore().getVolume("vol1");
    for (String layout : new String[] {"obs", "fso", "legacy"}) {
      OzoneBucket bucket = volume.getBucket(layout);
      upload(bucket, "parts/completed", true);
      upload(bucket, "parts/aborted", false);
    }
    Configuration conf = new OzoneConfiguration();
    conf.set("fs.ofs.impl", "org.apache.hadoop.fs.ozone.RootedOzoneFileSystem");
    FileSystem files = FileSystem.get(URI.create("ofs://localhost:9862/"), conf);
    try (FSDataOutputStream closed = files.create(new Path("/vol1/fso/a/hsynced-and-closed"))) {
      closed.write(new byte[100]);
      closed.hsync();
      closed.write(new byte[100]);
    }
    FSDataOutputStream open = files.create(new Path("/vol1/fso/a/hsynced"));
    open.write(new byte[2000]);
    open.hsync();
    Runtime.getRuntime().halt(0);  // the file must stay open
  }

  private static void upload(OzoneBucket bucket, String key, boolean complete) throws Exception {
    String id = bucket.initiateMultipartUpload(key, THREE).getUploadID();
    Map<Integer, String> parts = new LinkedHashMap<>();
    for (int n = 1; n <= 2; n++) {
      byte[] part = new byte[n == 1 ? 5 << 20 : 100];  // only the last one may be small
      OzoneOutputStream out = bucket.createMultipartKey(key, part.length, n, id);
      out.write(part);
      out.getMetadata().put("ETag", "etag-" + n);
      out.close();
      parts.put(n, out.getCommitUploadPartInfo().getETag());
    }
    if (complete) {
      bucket.completeMultipartUpload(key, id, parts);
    } else {
      bucket.abortMultipartUpload(key, id);
    }
  }
}
