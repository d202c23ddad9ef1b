import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.reflect.Proxy;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.apache.hadoop.hdds.client.ECReplicationConfig;
import org.apache.hadoop.hdds.client.RatisReplicationConfig;
import org.apache.hadoop.hdds.client.ReplicationConfig;
import org.apache.hadoop.hdds.client.StandaloneReplicationConfig;
import org.apache.hadoop.hdds.conf.OzoneConfiguration;
import org.apache.hadoop.hdds.protocol.DatanodeDetails;
import org.apache.hadoop.hdds.protocol.DatanodeID;
import org.apache.hadoop.hdds.protocol.proto.HddsProtos.LifeCycleState;
import org.apache.hadoop.hdds.protocol.proto.HddsProtos.NodeOperationalState;
import org.apache.hadoop.hdds.protocol.proto.HddsProtos.NodeState;
import org.apache.hadoop.hdds.protocol.proto.HddsProtos.ReplicationFactor;
import org.apache.hadoop.hdds.protocol.proto.StorageContainerDatanodeProtocolProtos.ContainerReplicaProto;
import org.apache.hadoop.hdds.scm.PlacementPolicy;
import org.apache.hadoop.hdds.scm.container.ContainerID;
import org.apache.hadoop.hdds.scm.container.ContainerInfo;
import org.apache.hadoop.hdds.scm.container.ContainerReplica;
import org.apache.hadoop.hdds.scm.container.placement.algorithms.ContainerPlacementPolicyFactory;
import org.apache.hadoop.hdds.scm.container.placement.algorithms.SCMContainerPlacementMetrics;
import org.apache.hadoop.hdds.scm.container.replication.ContainerReplicaPendingOps;
import org.apache.hadoop.hdds.scm.container.replication.MonitoringReplicationQueue;
import org.apache.hadoop.hdds.scm.container.replication.ReplicationManager;
import org.apache.hadoop.hdds.scm.container.ReplicationManagerReport;
import org.apache.hadoop.hdds.scm.ha.SCMContext;
import org.apache.hadoop.hdds.scm.net.NetworkTopology;
import org.apache.hadoop.hdds.scm.net.NetworkTopologyImpl;
import org.apache.hadoop.hdds.scm.node.NodeManager;
import org.apache.hadoop.hdds.scm.node.NodeStatus;
import org.apache.hadoop.hdds.scm.node.states.NodeNotFoundException;
import org.apache.hadoop.metrics2.lib.DefaultMetricsSystem;

/**
 * Says what SCM's replication manager says of the containers on standard input, the health state of each on a line.
 *
 * A cluster is lines of words: `set KEY VALUE`, `host HEALTH OP_STATE LOCATION`, `container STATE KIND FACTOR DATA PARITY
 * PIPELINE KEYS SEQUENCE` (PIPELINE: whether it is there), each followed by its `replica HOST STATE SEQUENCE INDEX EMPTY
 * ORIGIN` (HOST and ORIGIN: numbers), and `judge`. A host of health `-` is not known.
 */
public class JudgeContainers {
  private OzoneConfiguration conf = new OzoneConfiguration();
  private final List<DatanodeDetails> hosts = new ArrayList<>();
  private final Map<DatanodeDetails, NodeStatus> statuses = new HashMap<>();
  private final List<ContainerInfo> containers = new ArrayList<>();
  private final List<Set<ContainerReplica>> replicas = new ArrayList<>();
  private final Set<ContainerInfo> withPipeline = Collections.newSetFromMap(new java.util.IdentityHashMap<>());

  public static void main(String[] args) throws Exception {
    DefaultMetricsSystem.setMiniClusterMode(true);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    JudgeContainers cluster = new JudgeContainers();
    StringBuilder said = new StringBuilder();
    for (String line; (line = in.readLine()) != null;) {
      String[] words = line.split(" ");
      if (words[0].equals("judge")) {
        cluster.judge(said);
        cluster = new JudgeContainers();
      } else {
        cluster.add(words);
      }
    }
    System.out.print(said);
    System.out.flush();
    Runtime.getRuntime().halt(0);
  }

  private void add(String[] words) {
    switch (words[0]) {
    case "set":
      conf.set(words[1], words[2]);
      break;
    case "host":
      DatanodeDetails.Builder host = DatanodeDetails.newBuilder().setUuid(UUID.randomUUID())
          .setHostName("host" + hosts.size()).setIpAddress("10.0.0." + hosts.size()).setNetworkLocation(words[3]);
      if (!words[2].equals("-")) {
        host.setPersistedOpState(NodeOperationalState.valueOf(words[2]));
      }
      hosts.add(host.build());
      if (!words[1].equals("-")) {
        NodeOperationalState state = words[2].equals("-") ? NodeOperationalState.IN_SERVICE
            : NodeOperationalState.valueOf(words[2]);
        statuses.put(hosts.get(hosts.size() - 1), NodeStatus.valueOf(state, NodeState.valueOf(words[1])));
      }
      break;
    case "container":
      containers.add(new ContainerInfo.Builder().setContainerID(containers.size() + 1)
          .setState(LifeCycleState.valueOf(words[1])).setReplicationConfig(replication(words)).setOwner("om")
          .setNumberOfKeys(Long.parseLong(words[7])).setSequenceId(Long.parseLong(words[8])).build());
      replicas.add(new HashSet<>());
      if (Boolean.parseBoolean(words[6])) {
        withPipeline.add(containers.get(containers.size() - 1));
      }
      break;
    default:
      replicas.get(replicas.size() - 1).add(ContainerReplica.newBuilder()
          .setContainerID(ContainerID.valueOf(containers.size()))
          .setDatanodeDetails(hosts.get(Integer.parseInt(words[1])))
          .setContainerState(ContainerReplicaProto.State.valueOf(words[2])).setSequenceId(Long.parseLong(words[3]))
          .setReplicaIndex(Integer.parseInt(words[4])).setEmpty(Boolean.parseBoolean(words[5]))
          .setOriginNodeId(DatanodeID.of(new UUID(0, Long.parseLong(words[6])))).build());
    }
  }

  private static ReplicationConfig replication(String[] words) {
    if (words[2].equals("EC")) {
      return new ECReplicationConfig(Integer.parseInt(words[4]), Integer.parseInt(words[5]));
    }
    ReplicationFactor factor = ReplicationFactor.valueOf(Integer.parseInt(words[3]));
    return words[2].equals("RATIS") ? RatisReplicationConfig.getInstance(factor)
        : StandaloneReplicationConfig.getInstance(factor);
  }

  private void judge(StringBuilder said) throws Exception {
    NetworkTopology topology = new NetworkTopologyImpl(conf);
    for (DatanodeDetails host : hosts) {
      if (statuses.containsKey(host) && !statuses.get(host).isDead()) {
        topology.add(host);
      }
    }
    NodeManager nodes = (NodeManager) Proxy.newProxyInstance(NodeManager.class.getClassLoader(),
        new Class<?>[] {NodeManager.class}, (proxy, method, args) -> {
          switch (method.getName()) {
          case "getClusterNetworkTopologyMap":
            return topology;
          case "getNodeStatus":
            if (!statuses.containsKey(args[0])) {
              throw new NodeNotFoundException();
            }
            return statuses.get(args[0]);
          default:
            throw new UnsupportedOperationException(method.getName());
          }
        });
    Judge judge = new Judge(conf, nodes, topology);
    for (int n = 0; n < containers.size(); n++) {
      said.append(judge.of(containers.get(n), replicas.get(n))).append('\n');
    }
  }

  /** The replication manager, not started. */
  private class Judge extends ReplicationManager {
    Judge(OzoneConfiguration conf, NodeManager nodes, NetworkTopology topology) throws IOException {
      this(conf, nodes, conf.getObject(ReplicationManagerConfiguration.class),
          ContainerPlacementPolicyFactory.getPolicy(conf, nodes, topology, true, SCMContainerPlacementMetrics.create()),
          ContainerPlacementPolicyFactory.getECPolicy(conf, nodes, topology, true, SCMContainerPlacementMetrics.create()));
    }

    private Judge(OzoneConfiguration conf, NodeManager nodes, ReplicationManagerConfiguration settings,
        PlacementPolicy policy, PlacementPolicy ecPolicy) throws IOException {
      super(settings, conf, null, policy, ecPolicy, null, SCMContext.emptyContext(), nodes, Clock.systemUTC(),
          new ContainerReplicaPendingOps(Clock.systemUTC(), settings));
    }

    @Override
    public synchronized void start() {
      // Nothing is to be done, only judged.
    }

    @Override
    public boolean hasHealthyPipeline(ContainerInfo container) {
      return withPipeline.contains(container);
    }

    String of(ContainerInfo container, Set<ContainerReplica> copies) throws IOException {
      processContainer(container, copies, Collections.emptyList(), new MonitoringReplicationQueue(),
          new ReplicationManagerReport(0), true);
      return container.getHealthState().name();
    }
  }
}
